import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'

/** A correlation id that may go into headers and log lines as it is. */
const sane = /^[\w.:-]{1,128}$/

/** The correlation id of a request: the caller's when it is sane, else a new one. */
export function correlationIdOf(request: IncomingMessage): string {
  const given = request.headers['x-correlation-id']
  return typeof given === 'string' && sane.test(given) ? given : crypto.randomUUID()
}

/** Every answer says its correlation id. */
export function correlationPlugin(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-correlation-id', request.id)
    done()
  })
}
