import { hash, timingSafeEqual } from 'node:crypto'
import { Refused } from '@ordermill/model'
import type { FastifyInstance } from 'fastify'

const digest = (text: string) => hash('sha256', text, 'buffer')

/** Whether an Authorization header carries the admin token; never where there is none. */
export const isOperator = (authorization: string | undefined, token: string): boolean =>
  token !== '' && authorization !== undefined && timingSafeEqual(digest(authorization), digest(`Bearer ${token}`))

/** Guards every route registered on `app` with a bearer token (RFC 6750); an empty token leaves them open. */
export function adminPlugin(app: FastifyInstance, token: string): void {
  if (token === '') return
  app.addHook('onRequest', (request, reply, done) => {
    if (isOperator(request.headers.authorization, token)) return done()
    reply.header('www-authenticate', 'Bearer')
    done(new Refused('unauthorized', 'This needs the admin token.'))
  })
}
