/** Decimals of each ISO 4217 currency, as the run time's CLDR data knows them. */
const decimals = new Map(
  Intl.supportedValuesOf('currency').map((code) => [
    code,
    new Intl.NumberFormat('en', { style: 'currency', currency: code }).resolvedOptions().maximumFractionDigits ?? 2,
  ]),
)

/** How many decimals the currency has; undefined if there is no such currency. */
export const decimalsOf = (currency: string): number | undefined => decimals.get(currency)

/** How many decimals the shortest decimal form of a number has: 17.7 has 1, 1e-7 has 7. */
export function decimalsIn(value: number): number {
  const [mantissa = '', exponent = '0'] = String(value).split('e')
  const fraction = mantissa.split('.')[1]?.length ?? 0
  return Math.max(0, fraction - Number(exponent))
}

/** Whether a JSON number holds this amount to the last of `places` decimals: beyond 2^53 minor units it may be off by one. */
export const isExact = (value: number, places: number): boolean =>
  Math.abs(value) * 10 ** places <= Number.MAX_SAFE_INTEGER
