/** What a unit measures, so that "lasts 83 seconds" can be asked for as "the duration". */

const dimensions: readonly (readonly [string, string])[] = [
  ["duration", "second minute hour day week month year millisecond"],
  ["weight", "gram kilogram tonne ton pound ounce"],
  ["voltage", "volt kilovolt millivolt"],
  ["current", "ampere amp milliamp"],
  ["power", "watt kilowatt megawatt"],
  ["capacity", "litre liter gallon barrel pint millilitre milliliter"],
  ["frequency", "hertz kilohertz megahertz"],
  ["pressure", "pascal kilopascal bar millibar"],
  [
    "length",
    "metre meter centimetre centimeter millimetre millimeter kilometre kilometer mile inch inches foot feet character",
  ],
  ["size", "byte kilobyte megabyte gigabyte kib mib gib kb mb gb"],
  ["torque", "newton-metre newton-meter"],
];

const byUnit = new Map(dimensions.flatMap(([name, units]) => units.split(" ").map((unit) => [unit, name] as const)));

/** "duration" for "seconds"; null for things that are counted and not measured. */
export function dimensionOf(unit: string): string | null {
  if (unit.includes(" ")) return null;
  const lower = unit.toLowerCase();
  return byUnit.get(lower) ?? byUnit.get(lower.replace(/s$/, "")) ?? null;
}
