import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ApiMetrics } from '@ordermill/telemetry'
import type { FastifyInstance, FastifyRequest } from 'fastify'

/** Since when a request is worked at, as performance.now() counts, and the route that it took, once it came so far. */
interface Taken {
  request: FastifyRequest
  at_ms: number
  route: string | undefined
}
const taken = Symbol('taken')
type Held = IncomingMessage & { [taken]?: Taken }

/**
 * Measures every request by its route (never by its path: that would be a label without end), from here to when its answer was sent.
 * Register before whatever may refuse a request. With an `onResponse` hook Fastify adds and removes two listeners a request, and makes
 * a function for them: a read costs a twentieth more (in turn: 22.1 µs of the API's CPU beside 21.0).
 */
export function requestMetricsPlugin(app: FastifyInstance, { request: measure }: ApiMetrics): void {
  /** One for all: as a listener it is called with the response as `this`. */
  const onClose = function (this: ServerResponse): void {
    const { method = '', [taken]: found }: Held = this.req
    if (found === undefined || !this.writableFinished) return // whoever asked has left
    const route = found.route ?? found.request.routeOptions.url ?? 'none'
    measure.observe({ method, route, status: this.statusCode }, (performance.now() - found.at_ms) / 1_000)
  }
  app.addHook('onRequest', (request, reply, done) => {
    const raw: Held = request.raw
    raw[taken] = { request, at_ms: performance.now(), route: undefined }
    reply.raw.on('close', onClose) // which it does once
    done()
  })
  // `routeOptions` of a request is made anew whenever it is asked for.
  app.addHook('onRoute', (route) => {
    const { url, onRequest = [] } = route
    const name = ({ raw }: { raw: Held }, _reply: unknown, done: () => void) => {
      if (raw[taken] !== undefined) raw[taken].route = url
      done()
    }
    route.onRequest = [name, onRequest].flat()
  })
}
