import type { FastifyInstance } from 'fastify'
import { adminPlugin } from '../plugins/admin.ts'
import { uncachedPlugin } from '../plugins/uncached.ts'
import { jobRoutes } from './jobs.ts'
import { type ParkedParts, parkedRoutes } from './parked.ts'

/** The operator's view and hands, behind the admin token. */
export function adminRoutes(app: FastifyInstance, { token, ...parts }: ParkedParts & { token: string }): void {
  app.register(async (admin) => {
    await uncachedPlugin(admin)
    adminPlugin(admin, token)
    jobRoutes(admin, parts)
    parkedRoutes(admin, parts)
  })
}
