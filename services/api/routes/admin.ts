import type { FastifyInstance } from 'fastify'
import type { Accounting } from '../accounting.ts'
import { adminPlugin } from '../plugins/admin.ts'
import { uncachedPlugin } from '../plugins/uncached.ts'
import { accountingRoutes } from './accounting.ts'
import { auditRoutes } from './audit.ts'
import { type DirtyParts, dirtyRoutes } from './dirty.ts'
import { jobRoutes } from './jobs.ts'
import { type ParkedParts, parkedRoutes } from './parked.ts'
import { type ReindexParts, reindexRoutes } from './reindex.ts'
import { type RejectParts, rejectRoutes } from './rejects.ts'

type AdminParts = ReindexParts &
  ParkedParts &
  RejectParts &
  DirtyParts & { token: string; accounting(): Promise<Accounting> }

/** The operator's view and hands, behind the admin token. */
export function adminRoutes(app: FastifyInstance, { token, ...parts }: AdminParts): void {
  app.register(async (admin) => {
    await uncachedPlugin(admin)
    adminPlugin(admin, token)
    jobRoutes(admin, parts)
    parkedRoutes(admin, parts)
    rejectRoutes(admin, parts)
    reindexRoutes(admin, parts)
    accountingRoutes(admin, parts)
    dirtyRoutes(admin, parts)
    auditRoutes(admin, parts)
  })
}
