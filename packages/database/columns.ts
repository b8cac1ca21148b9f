import type { Collection, Field } from '@ordermill/model'

/** One column of a collection's table. */
export interface Column {
  name: string
  /** As Postgres names it in information_schema and in DDL. */
  type: string
  nullable: boolean
  /** SQL of the default, where there is one. */
  fallback: string | undefined
}

const types: Record<Field['kind'], string> = {
  text: 'text',
  keyword: 'text',
  integer: 'integer',
  money: 'numeric(16,4)', // 10^12 with the four decimals that some currencies have
  time: 'timestamp with time zone',
}
const at = 'timestamp with time zone'
const column = (name: string, type: string, nullable = false, fallback?: string): Column => ({
  name,
  type,
  nullable,
  fallback,
})

/** Every column of the table that holds a collection, in order. */
export const columnsOf = (c: Collection): Column[] => [
  column('id', 'uuid'),
  column('version', 'integer'),
  column('hash', 'text'),
  column('parent', 'text', true),
  column('status', 'text'),
  ...c.fieldNames.map((name) => fieldColumn(name, c.fields[name] as Field)),
  column('created_at', at),
  column('updated_at', at),
  column('deleted_at', at, true),
  column('keys', 'jsonb', true),
]

function fieldColumn(name: string, field: Field): Column {
  const { fallback } = field
  const sql = fallback === undefined ? undefined : fallback === 'accepted' ? 'now()' : literal(fallback)
  return column(name, types[field.kind], field.optional, sql)
}

const literal = (value: string | number) =>
  typeof value === 'number' ? String(value) : `'${value.replaceAll("'", "''")}'`

/** SQL that makes the JSON of a stored record, as its text says it. `row` is the name of the row. */
export function recordSql(c: Collection, row: string): string {
  const members = ['id', 'version', 'status', ...c.fieldNames, 'created_at', 'updated_at', 'deleted_at'].map((name) => {
    const value = `${row}.${name}`
    const kind = c.fields[name]?.kind
    const isTime = kind === 'time' || (kind === undefined && name.endsWith('_at'))
    return `'${name}', ${isTime ? `iso(${value})` : kind === 'money' ? `trim_scale(${value})` : value}`
  })
  const whole = `jsonb_build_object(${members.join(', ')})`
  return `(CASE WHEN ${row}.deleted_at IS NULL THEN ${whole} - 'deleted_at' ELSE ${whole} END)`
}
