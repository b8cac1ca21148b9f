import type { ServerName } from '@ordermill/servers'
import type { Scenario, Scene } from '../scenarios/scenario.ts'

/** Killed as by a power cut; comes back with the data it had. */
export const killed = (name: ServerName): Pick<Scenario, 'break' | 'heal'> => ({
  break: ({ stack }) => stack.server(name).kill('SIGKILL'),
  heal: ({ stack }) => stack.server(name).start(),
})

/** Hangs: connections stay, nothing answers. */
export const frozen = (name: ServerName): Pick<Scenario, 'break' | 'heal'> => ({
  break: ({ stack }) => stack.server(name).kill('SIGSTOP'),
  heal: ({ stack }) => stack.server(name).kill('SIGCONT'),
})

/** Stopped in order and started again, at once. */
export async function restart({ stack }: Scene, name: ServerName): Promise<void> {
  await stack.server(name).stop()
  await stack.server(name).start()
}
