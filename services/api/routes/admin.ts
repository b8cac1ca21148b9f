import { type Database, dailySales, refreshView } from '@ordermill/database'
import { Forbidden } from '@ordermill/model'
import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import { adminPlugin } from '../plugins/admin.ts'
import { responses } from '../schemas.ts'

const refreshed = Type.Object(
  {
    view: Type.String(),
    as_of: Type.String({ format: 'date-time', description: 'Everything persisted by then is in the view.' }),
    duration_ms: Type.Number(),
  },
  { description: 'Refreshed' },
)

/** The operator's hands. */
export function adminRoutes(app: FastifyInstance, { database, token }: { database: Database; token: string }): void {
  app.register(async (admin) => {
    adminPlugin(admin, token)
    const schema = {
      summary: 'Refresh the materialized views now',
      tags: ['admin'],
      response: responses({ 200: refreshed }, 401, 409, 503),
    }
    admin.post('/api/admin/refresh', { schema }, async () => {
      const { outcome, as_of, duration_ms } = await refreshView(database, dailySales, { force: true })
      if (outcome === 'busy') throw new Forbidden('busy', 'A refresh is running.')
      return { view: dailySales.name, as_of, duration_ms }
    })
  })
}
