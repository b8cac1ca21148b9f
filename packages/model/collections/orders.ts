import { collection } from '../collection.ts'
import { decimalsOf } from '../currency.ts'
import { integer, keyword, money, text, time } from '../fields.ts'
import { steps } from '../steps.ts'

/** Orders: one line of a purchase each. Routes, columns, keys, mapping and documents follow from this file. */
export const orders = collection('orders', {
  title: 'order',
  type: 'orders.v1',
  fields: {
    product_name: text({
      min: 1,
      max: 500,
      search: ['phrase', 'prefix', 'substring', 'fuzzy'],
      description: 'What is ordered; trimmed.',
      examples: ['REGENCY CAKESTAND 3 TIER'],
    }),
    quantity: integer({ min: 1, default: 1, description: 'How many.', examples: [2] }),
    amount: money({
      currencyField: 'currency',
      description: 'The total of the line, with no more decimals than its currency has.',
      examples: [25.5],
    }),
    currency: keyword({
      max: 3,
      pattern: '^[A-Z]{3}$',
      expects: 'must be three capital letters (ISO 4217), as in GBP',
      default: 'USD',
      facet: true,
      description: 'ISO 4217 code.',
      examples: ['GBP'],
      check: (value) =>
        decimalsOf(value) === undefined ? { code: 'currency', detail: 'must be a currency of ISO 4217' } : undefined,
    }),
    customer_id: keyword({ optional: true, facet: true, description: 'Who ordered.', examples: ['17850'] }),
    reference: keyword({
      optional: true,
      description: 'Groups the lines of one purchase.',
      examples: ['536365'],
    }),
    placed_at: time({
      default: 'accepted',
      description: 'When it was ordered; the time of acceptance if absent.',
      examples: ['2026-01-31T09:30:00Z'],
    }),
  },
  status: steps({
    placed: ['confirmed', 'cancelled'],
    confirmed: ['shipped', 'cancelled'],
    shipped: ['delivered'],
    delivered: ['returned'],
  }),
})
