import cors from '@fastify/cors'
import type { Surroundings } from '../parts.ts'

/** What pages of other origins may read besides the few headers that browsers always show. */
const exposed =
  'ETag Location Retry-After RateLimit RateLimit-Policy Idempotent-Replayed X-Correlation-Id X-Cache X-Search-Engine X-As-Of'

/** Lets web pages of the configured origins call the API (Fetch standard, CORS protocol). Off where there are none. */
export async function corsPlugin({ app, options: { CORS_ORIGINS: origins } }: Surroundings): Promise<void> {
  if (origins.length === 0) return
  await app.register(cors, {
    origin: origins.includes('*') ? '*' : origins,
    methods: ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'],
    exposedHeaders: exposed.split(' '),
    maxAge: 600,
    strictPreflight: false, // else a preflight without its headers is answered with a text that is no problem document
  })
}
