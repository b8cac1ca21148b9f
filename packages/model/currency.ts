/**
 * ISO 4217: every currency in use, and a few withdrawn of late that orders of the past name. A table of our own: what CLDR (and
 * so `Intl`) says differs, by its habits of display (AFN 0, IQD 0) and by currencies that it lacks (CLF), and with the run time.
 */
const codes = `
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW
CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK
HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK
MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD
SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS
VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG ZWL`
/** Minor units where they are not two decimals. */
const others: Record<number, string> = {
  0: 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF',
  3: 'BHD IQD JOD KWD LYD OMR TND',
  4: 'CLF UYW',
}
const decimals = new Map(
  codes
    .trim()
    .split(/\s+/)
    .map((code) => [code, 2]),
)
for (const [places, some] of Object.entries(others))
  for (const code of some.split(' ')) decimals.set(code, Number(places))

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
