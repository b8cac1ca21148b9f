import { type CallExpression, type Expression, parse, type Statement } from 'luaparse'

/** What a script may hold: text, numbers, booleans, lists (its tables, counted from 1), and false or undefined for nothing. */
export type LuaValue = string | number | boolean | undefined | LuaValue[]
/** What calls a command of Redis. */
export type Call = (...args: LuaValue[]) => LuaValue
/** A compiled script. */
export type Script = (keys: string[], argv: string[], call: Call) => LuaValue

/**
 * Compiles a script of Redis to JavaScript: a call costs a microsecond, where a virtual machine for Lua takes thirty times as long.
 * Knows as much of Lua 5.1 as the cache's scripts use, and throws on everything else. A contract test holds what it makes
 * together with the scripts on a real Redis.
 */
export function compileLua(source: string): Script {
  const body = block(parse(source, { luaVersion: '5.1', comments: false, encodingMode: 'x-user-defined' }).body)
  const make = new Function(
    'runtime',
    `const { ${Object.keys(runtime).join(', ')} } = runtime
    return (KEYS, ARGV, call) => {\n${body} }`,
  )
  return make(runtime) as Script
}

const block = (statements: Statement[]): string => statements.map(statement).join('\n')

function statement(s: Statement): string {
  switch (s.type) {
    case 'LocalStatement':
      return assignment(
        s.variables.map(({ name }) => name),
        s.init,
        'let ',
      )
    case 'AssignmentStatement':
      return assignment(s.variables.map(target), s.init, '')
    case 'CallStatement':
      return `${expression(s.expression)};`
    case 'ReturnStatement':
      return `return ${s.arguments.length === 0 ? 'undefined' : expression(only(s.arguments))};`
    case 'IfStatement':
      return s.clauses
        .map((clause) =>
          clause.type === 'ElseClause'
            ? `{ ${block(clause.body)} }`
            : `if (${condition(clause.condition)}) { ${block(clause.body)} }`,
        )
        .join(' else ')
    case 'WhileStatement':
      return `while (${condition(s.condition)}) { ${block(s.body)} }`
    case 'ForNumericStatement': {
      const { name } = s.variable
      const step = s.step === null ? '1' : expression(s.step)
      return `for (let ${name} = ${expression(s.start)}; ${name} <= ${expression(s.end)}; ${name} += ${step}) { ${block(s.body)} }`
    }
    case 'ForGenericStatement': {
      const [key, value] = s.variables.map(({ name }) => name)
      return `for (const [${key}, ${value}] of ${all(only(s.iterators))}) { ${block(s.body)} }`
    }
    default:
      throw new Error(`no ${s.type} in scripts`)
  }
}

function target(variable: Expression): string {
  if (variable.type === 'Identifier') return variable.name
  if (variable.type === 'IndexExpression') return `${expression(variable.base)}[${expression(variable.index)} - 1]`
  throw new Error(`no assignment to ${variable.type} in scripts`)
}

function assignment(names: string[], init: Expression[], keyword: string): string {
  const [first, ...others] = init
  const declared = names.map((name) => (name === '_' ? '' : name))
  if (first === undefined) return `${keyword}${names.join(', ')};`
  if (others.length === 0 && names.length > 1)
    return `${keyword ? keyword : ';'}[${declared.join(', ')}] = ${all(first)};`
  if (names.length === 1) return `${keyword}${names[0]} = ${expression(first)};`
  return `${keyword ? keyword : ';'}[${declared.join(', ')}] = [${init.map(expression).join(', ')}];`
}

function only(list: Expression[]): Expression {
  const [first, ...others] = list
  if (first === undefined || others.length > 0) throw new Error('one value, not several, in scripts')
  return first
}

const calls: Record<string, string> = {
  'string.match': 'match',
  'string.sub': 'sub',
  'math.floor': 'floor',
  'math.max': 'max',
  'math.min': 'min',
  'math.ceil': 'ceil',
  'table.insert': 'insert',
}

/** An expression that may give several values, as a list of them. */
function all(e: Expression): string {
  if (e.type !== 'CallExpression') return `[${expression(e)}]`
  const command = commandOf(e)
  if (command !== undefined) return `[${command}]`
  const { base } = e
  const name =
    base.type === 'MemberExpression' && base.base.type === 'Identifier'
      ? `${base.base.name}.${base.identifier.name}`
      : base.type === 'Identifier'
        ? base.name
        : ''
  const args = argumentsOf(e)
  if (name === 'unpack')
    return args[1] === undefined ? (args[0] ?? '[]') : `${args[0]}.slice(${args[1]} - 1, ${args[2]})`
  const known = calls[name] ?? (name in runtime ? name : undefined)
  if (known === undefined) throw new Error(`no function ${name} in scripts`)
  return `${known}(${args.join(', ')})`
}

const argumentsOf = (e: CallExpression): string[] =>
  e.arguments.map((one, at) =>
    at === e.arguments.length - 1 && one.type === 'CallExpression' && commandOf(one) === undefined
      ? `...${all(one)}`
      : expression(one),
  )

/** A command of Redis, which gives one value; undefined for any other call. */
function commandOf(e: CallExpression): string | undefined {
  const { base } = e
  if (base.type !== 'MemberExpression' || base.base.type !== 'Identifier') return undefined
  if (base.base.name !== 'redis' || base.identifier.name !== 'call') return undefined
  return `call(${argumentsOf(e).join(', ')})`
}

/** What is only asked whether it holds. */
function condition(e: Expression): string {
  if (e.type === 'LogicalExpression')
    return `(${condition(e.left)} ${e.operator === 'and' ? '&&' : '||'} ${condition(e.right)})`
  if (e.type === 'UnaryExpression' && e.operator === 'not') return `!${condition(e.argument)}`
  const isBoolean = e.type === 'BinaryExpression' && ['==', '~=', '<', '<=', '>', '>='].includes(e.operator)
  return isBoolean ? expression(e) : `truthy(${expression(e)})`
}

function expression(e: Expression): string {
  switch (e.type) {
    case 'StringLiteral':
      return JSON.stringify(e.value)
    case 'NumericLiteral':
      return String(e.value)
    case 'BooleanLiteral':
      return String(e.value)
    case 'NilLiteral':
      return 'undefined'
    case 'Identifier':
      return e.name
    case 'CallExpression':
      return commandOf(e) ?? `${all(e)}[0]`
    case 'IndexExpression':
      return `${expression(e.base)}[${expression(e.index)} - 1]`
    case 'TableConstructorExpression':
      return `[${e.fields.map((field) => (field.value.type === 'CallExpression' && field === e.fields.at(-1) ? `...${all(field.value)}` : expression(field.value))).join(', ')}]`
    case 'LogicalExpression':
      return e.operator === 'and'
        ? `and(${expression(e.left)}, () => ${expression(e.right)})`
        : `or(${expression(e.left)}, () => ${expression(e.right)})`
    case 'UnaryExpression':
      if (e.operator === 'not') return `!${condition(e.argument)}`
      return e.operator === '#' ? `${expression(e.argument)}.length` : `-number(${expression(e.argument)})`
    case 'BinaryExpression':
      return binary(e.operator, expression(e.left), expression(e.right))
    default:
      throw new Error(`no ${e.type} in scripts`)
  }
}

function binary(operator: string, left: string, right: string): string {
  if (operator === '==') return `(${left} === ${right})`
  if (operator === '~=') return `(${left} !== ${right})`
  if (operator === '..') return `join(${left}, ${right})`
  if (['<', '<=', '>', '>='].includes(operator)) return `(order(${left}, ${right}) ${operator} 0)`
  if (['+', '-', '*', '/', '%'].includes(operator)) return `(number(${left}) ${operator} number(${right}))`
  throw new Error(`no operator ${operator} in scripts`)
}

/** Lua's rules where JavaScript has others. Functions give lists: Lua's give several values. */
const runtime = {
  truthy: (value: LuaValue) => value !== undefined && value !== false,
  and: (left: LuaValue, right: () => LuaValue) => (runtime.truthy(left) ? right() : left),
  or: (left: LuaValue, right: () => LuaValue) => (runtime.truthy(left) ? left : right()),
  number(value: LuaValue): number {
    const [number] = runtime.tonumber(value)
    if (number === undefined) throw new Error(`attempt to perform arithmetic on ${typeof value}`)
    return number
  },
  join(left: LuaValue, right: LuaValue): string {
    if (!isTextual(left) || !isTextual(right))
      throw new Error(`attempt to concatenate a ${typeof left} and a ${typeof right}`)
    return `${left}${right}`
  },
  /** Below, at or above 0, as `left` is to `right`. */
  order(left: LuaValue, right: LuaValue): number {
    if (!isTextual(left) || !isTextual(right) || typeof left !== typeof right)
      throw new Error(`attempt to compare ${typeof left} with ${typeof right}`)
    return left < right ? -1 : left > right ? 1 : 0
  },
  tonumber(value: LuaValue): [number | undefined] {
    if (typeof value === 'number') return [value]
    if (typeof value !== 'string' || value.trim() === '' || Number.isNaN(Number(value))) return [undefined]
    return [Number(value)]
  },
  tostring: (value: LuaValue): [string] => [String(value ?? 'nil')],
  match(text: LuaValue, pattern: LuaValue): LuaValue[] {
    if (!isTextual(text)) throw new Error(`bad argument to match: ${typeof text}`)
    const found = regexOf(String(pattern)).exec(String(text))
    if (found === null) return [undefined]
    return found.length > 1 ? found.slice(1) : [found[0]]
  },
  sub: (text: LuaValue, from: LuaValue, to?: LuaValue): [string] => [
    String(text).slice(Number(from) - 1, to === undefined ? undefined : Number(to)),
  ],
  floor: (value: LuaValue): [number] => [Math.floor(runtime.number(value))],
  ceil: (value: LuaValue): [number] => [Math.ceil(runtime.number(value))],
  max: (...values: LuaValue[]): [number] => [Math.max(...values.map(runtime.number))],
  min: (...values: LuaValue[]): [number] => [Math.min(...values.map(runtime.number))],
  insert(list: LuaValue, value: LuaValue): LuaValue[] {
    if (Array.isArray(list)) list.push(value)
    return []
  },
  ipairs: (list: LuaValue): [number, LuaValue][] =>
    Array.isArray(list) ? list.map((value, at) => [at + 1, value]) : [],
}

const isTextual = (value: LuaValue): value is string | number => typeof value === 'string' || typeof value === 'number'

const regexes = new Map<string, RegExp>()
/** A pattern of Lua (its manual, section 5.4.1) as a regular expression: classes by `%`, the rest alike. */
function regexOf(pattern: string): RegExp {
  const known = regexes.get(pattern)
  if (known !== undefined) return known
  const classes: Record<string, string> = {
    d: '\\d',
    s: '\\s',
    S: '\\S',
    w: '[A-Za-z0-9]',
    x: '[0-9A-Fa-f]',
    a: '[A-Za-z]',
  }
  const made = new RegExp(
    pattern.replace(/%(.)|([|{}\\])|([\w\])])-/g, (_, escaped?: string, special?: string, lazy?: string) => {
      if (escaped !== undefined) return classes[escaped] ?? `\\${escaped}`
      return special !== undefined ? `\\${special}` : `${lazy}*?`
    }),
  )
  regexes.set(pattern, made)
  return made
}
