import sensible from '@fastify/sensible'
import type { FastifyInstance } from 'fastify'

/** Answers of routes registered on `app` are kept by nobody on their way: they are true for a moment, or an operator's. */
export async function uncachedPlugin(app: FastifyInstance): Promise<void> {
  await app.register(sensible)
  app.addHook('onRequest', (_request, reply, done) => {
    reply.preventCache()
    done()
  })
}
