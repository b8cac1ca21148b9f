import type { FastifyInstance } from 'fastify'
import type { Admission } from '../admission.ts'

/** Whether the API is about to be closed. */
export interface Leaving {
  leave(): void
  left(): boolean
}

/**
 * An API that leaves closes each connection with its next answer: one that is closed while it is kept may have a request on its
 * way, which nobody would answer.
 */
export function leavingPlugin(app: FastifyInstance, admission: Admission): Leaving {
  let left = false
  const leave = () => {
    left = true
    admission.leave()
  }
  app.addHook('preClose', async () => leave())
  app.addHook('onRequest', (_request, reply, done) => {
    if (left) reply.header('connection', 'close')
    done()
  })
  return { leave, left: () => left }
}
