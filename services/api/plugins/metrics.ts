import Type from 'typebox'
import type { Surroundings } from '../parts.ts'
import { responses } from '../schemas.ts'

/** Serves /metrics. */
export function metricsPlugin({ app, registry }: Surroundings): void {
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
