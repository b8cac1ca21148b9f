import { createDatabase } from '@ordermill/database'

/** Everything a schema of a database holds, a line each, as the catalog of Postgres says it. Its own name is left out. */
export async function describeSchema(dsn: string, schema = 'public'): Promise<string[]> {
  const database = createDatabase({ dsn, name: 'describe', poolMax: 1, timeout_ms: 10_000, onLost: () => undefined })
  try {
    const rows = await database.query<{ line: string }>({ text: catalog, values: [schema] })
    return rows.map(({ line }) => line.replaceAll(`${schema}.`, '')).sort()
  } finally {
    await database.stop()
  }
}

const catalog = `
WITH mine AS (SELECT c.* FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1)
SELECT format('column %s.%s %s %s %s %s', m.relname, row_number() OVER (PARTITION BY m.oid ORDER BY a.attnum), a.attname, format_type(a.atttypid, a.atttypmod),
    CASE WHEN a.attnotnull THEN 'not null' ELSE 'null' END, coalesce(pg_get_expr(d.adbin, d.adrelid), '')) AS line
  FROM mine m JOIN pg_attribute a ON a.attrelid = m.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = m.oid AND d.adnum = a.attnum WHERE m.relkind IN ('r', 'm', 'v')
UNION ALL SELECT format('%s %s', CASE relkind WHEN 'r' THEN 'table' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' ELSE relkind::text END, relname)
  FROM mine WHERE relkind <> 'i'
UNION ALL SELECT format('index %s', pg_get_indexdef(oid)) FROM mine WHERE relkind = 'i'
UNION ALL SELECT format('constraint %s %s %s', m.relname, k.conname, pg_get_constraintdef(k.oid))
  FROM mine m JOIN pg_constraint k ON k.conrelid = m.oid
UNION ALL SELECT format('trigger %s', pg_get_triggerdef(t.oid)) FROM mine m JOIN pg_trigger t ON t.tgrelid = m.oid AND NOT t.tgisinternal
UNION ALL SELECT format('view %s %s', relname, pg_get_viewdef(oid)) FROM mine WHERE relkind IN ('v', 'm')
UNION ALL SELECT format('owned %s by %s', s.relname, d.refobjid::regclass) FROM mine s
  JOIN pg_depend d ON d.objid = s.oid AND d.deptype IN ('a', 'i') WHERE s.relkind = 'S'
UNION ALL SELECT format('function %s', pg_get_functiondef(p.oid))
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = $1`
