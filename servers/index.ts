/**
 * Postgres, Redis, RabbitMQ and Elasticsearch for development and tests: found by address, or started here as real
 * servers on loopback. What is started here survives kill -9 of itself with its data, and never survives us.
 */

export { removeIndices, removeKeys } from './clear.ts'
export { pruneTestFolders, serversFolder } from './folders.ts'
export { Guard } from './guard.ts'
export { withLock } from './lock.ts'
export type { ServerName } from './plan.ts'
export { freePort, type PortOption, type Ports, portsFrom } from './ports.ts'
export { findPostgres } from './postgres.ts'
export { type ProblemCode, ServerProblem } from './problem.ts'
export { type ServerHandle, type ServerOptions, type Servers, startServers } from './start.ts'
export { startCluster, startServer } from './start-one.ts'
