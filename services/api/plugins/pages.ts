import helmet from '@fastify/helmet'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'

/**
 * The page at /docs, with the headers that browsers guard pages by; the API's own answers are no pages and stay bare.
 * Register after the OpenAPI document, before the routes.
 */
export async function pagesPlugin(app: FastifyInstance): Promise<void> {
  await app.register(async (pages) => {
    // The page brings its own content security policy; whether a host is https alone is for the proxy in front to say.
    await pages.register(helmet, { contentSecurityPolicy: false, strictTransportSecurity: false })
    await pages.register(swaggerUi, {
      routePrefix: '/docs',
      staticCSP: true,
      transformStaticCSP: (policy) => policy.replace(/\s*upgrade-insecure-requests;?/, ''),
    })
  })
}
