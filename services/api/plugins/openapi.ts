import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'

/** The OpenAPI 3.1 document at /docs/json, made from the routes, and its page at /docs. Register before the routes. */
export async function openapiPlugin(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Ordermill',
        version: '0.1.0',
        description:
          'An event-driven order platform: accept at memory speed, persist exactly once, search in milliseconds, lose nothing.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      tags: [
        { name: 'orders', description: 'Placing and reading orders' },
        { name: 'search', description: 'Finding orders' },
        { name: 'dashboard', description: 'Sales' },
        { name: 'admin', description: "The operator's hands" },
        { name: 'health', description: 'Of the process and its parts' },
      ],
      components: { securitySchemes: { admin: { type: 'http', scheme: 'bearer' } } },
    },
  })
  await app.register(swaggerUi, { routePrefix: '/docs' })
}
