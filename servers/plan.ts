import type { Account } from './account.ts'
import type { Port, PortOption } from './ports.ts'
import type { Env } from './programs.ts'

/** The servers there are. */
export const serverNames = ['postgres', 'redis', 'rabbitmq', 'elasticsearch'] as const

/** One of the servers. */
export type ServerName = (typeof serverNames)[number]

/** Where a server is to be put: its folder's parent, the environment it is found by, its ports. */
export type Site = {
  folder: string
  env: Env
  /** Whether it runs for minutes only. */
  brief: boolean
  /** The port under this option; without one, any free port. */
  port(option?: PortOption): Promise<Port>
  log(line: string): void
}

/** Everything the supervisor must know to run one program; what differs from server to server is all in here. */
export type Plan = {
  /** Folder and file names derive from it. */
  name: string
  /** What people call it. */
  title: string
  command: string
  args: string[]
  env: Record<string, string>
  account: Account
  /** Belongs to this server alone. */
  dataDir: string
  /** Where it runs, if not in its data folder. */
  cwd?: string
  logFile: string
  ports: Port[]
  url: string
  /** What the platform's services read from their environment to find this server. */
  variables: Record<string, string>
  /** Asks for a clean end, and how long that may take before SIGKILL. */
  stopSignal: NodeJS.Signals
  stopTimeoutMs: number
  readyTimeoutMs: number
  /** Before each start: makes what is missing (folders, configuration, an empty database). Must be repeatable. */
  prepare(signal: AbortSignal): Promise<void>
  /** Resolves when the server really answers its protocol; throws while it does not. */
  ready(signal: AbortSignal): Promise<void>
}

/** One server; or several nodes of one, which act as one: a cluster. */
export type GroupPlan = {
  /** What the nodes need of each other's surroundings: started before them. */
  beside: Plan[]
  nodes: Plan[]
  isCluster: boolean
  /** What the platform's services read from their environment to find it. */
  variables: Record<string, string>
  /** Makes one cluster of the nodes, each of which answers; resolves when it is whole. @throws ServerProblem if it does not become so */
  join(signal: AbortSignal | undefined): Promise<void>
}
