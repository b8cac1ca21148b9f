import Type from 'typebox'
import type { Surroundings } from '../parts.ts'
import { responses } from '../schemas.ts'

/** Measures every request by its route (never by its path: that would be a label without end), and serves /metrics. */
export function metricsPlugin({ app, registry, metrics }: Surroundings): void {
  app.addHook('onResponse', (request, reply, done) => {
    const labels = { method: request.method, route: request.routeOptions.url ?? 'none', status: reply.statusCode }
    metrics.request.observe(labels, reply.elapsedTime / 1_000)
    done()
  })
  const schema = {
    operationId: 'getMetrics',
    summary: 'Metrics in the text format of Prometheus',
    tags: ['health'],
    response: responses({
      200: { description: 'Every metric', content: { 'text/plain': { schema: Type.String() } } },
    }),
  }
  app.get('/metrics', { schema }, async (_request, reply) =>
    reply.header('content-type', registry.contentType).send(await registry.metrics()),
  )
}
