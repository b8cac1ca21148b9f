/** What is seen from outside: log lines and metrics. Registries and streams are passed in; nothing here is global. */

export type { Registry } from 'prom-client'
export { createLogger, type Logger } from './logger.ts'
export { measured, statementOp } from './measured.ts'
export { type ApiMetrics, apiMetrics, createRegistry, type WorkerMetrics, workerMetrics } from './metrics.ts'
