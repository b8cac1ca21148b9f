import { Refused } from '@ordermill/model'
import type { FastifyInstance } from 'fastify'
import type { Admission } from '../admission.ts'

/** Tells who refuses requests how far those are that it took, and gives up those whose client has left before anything is done. */
export function overloadPlugin(app: FastifyInstance, admission: Admission): void {
  app.addHook('onClose', () => admission.stop())
  app.addHook('preHandler', ({ raw }, _reply, done) => {
    if (raw.socket.writable === false) return done(new Refused('cut-off', 'The client has left.'))
    admission.handled(raw)
    done()
  })
  app.addHook('onSend', ({ raw }, _reply, _payload, done) => {
    admission.release(raw)
    done()
  })
}
