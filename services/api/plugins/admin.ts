import { hash, timingSafeEqual } from 'node:crypto'
import { Refused } from '@ordermill/model'
import type { FastifyInstance } from 'fastify'

const digest = (text: string) => hash('sha256', text, 'buffer')

/** Guards every route registered on `app` with a bearer token (RFC 6750); an empty token leaves them open. */
export function adminPlugin(app: FastifyInstance, token: string): void {
  if (token === '') return
  const expected = digest(`Bearer ${token}`)
  app.addHook('onRequest', (request, reply, done) => {
    if (timingSafeEqual(digest(request.headers.authorization ?? ''), expected)) return done()
    reply.header('www-authenticate', 'Bearer')
    done(new Refused('unauthorized', 'This needs the admin token.'))
  })
}
