import type { Registry } from '@ordermill/telemetry'
import Fastify from 'fastify'

interface HttpParts {
  host: string
  port: number
  registry: Registry
  /** Undefined, or why the worker is not ready. */
  notReady(): Promise<string | undefined>
  /** How each part is; nothing here takes longer than seconds. */
  dependencies(): Promise<Record<string, string | Record<string, string>>>
}

/** Serves the worker's health and metrics. Gives its address and how to close it. */
export async function serveWorker({ host, port, registry, notReady, dependencies }: HttpParts) {
  const app = Fastify({ forceCloseConnections: true })
  app.get('/health/live', async () => ({ status: 'ok' }))
  app.get('/health/ready', async (_request, reply) => {
    const reason = await notReady()
    return reason === undefined ? { status: 'ok' } : reply.code(503).send({ status: 'not ready', reason })
  })
  app.get('/health', async (_request, reply) => {
    const reason = await notReady()
    reply.code(reason === undefined ? 200 : 503)
    return {
      status: reason === undefined ? 'ok' : 'not ready',
      ...(reason === undefined ? {} : { reason }),
      dependencies: await dependencies(),
    }
  })
  app.get('/metrics', async (_request, reply) =>
    reply.header('content-type', registry.contentType).send(await registry.metrics()),
  )
  const address = await app.listen({ host, port })
  return { address, close: () => app.close() }
}
