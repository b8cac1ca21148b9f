import type { Jobs } from '@ordermill/database'
import type { FastifyInstance } from 'fastify'
import { adminPlugin } from '../plugins/admin.ts'
import { uncachedPlugin } from '../plugins/uncached.ts'
import { jobRoutes } from './jobs.ts'

/** The operator's view and hands, behind the admin token. */
export function adminRoutes(app: FastifyInstance, { jobs, token }: { jobs: Jobs; token: string }): void {
  app.register(async (admin) => {
    await uncachedPlugin(admin)
    adminPlugin(admin, token)
    jobRoutes(admin, { jobs })
  })
}
