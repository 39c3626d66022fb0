/** Figures and foreign texts as the report writes them. */

/** What a page or a terminal would obey instead of showing: control characters and marks that turn text around. */
const obeyed =
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** Text of a model or file that does nothing but stand there: such characters become U+FFFD, so that they are seen. */
export const harmless = (text: string): string => text.toWellFormed().replace(/\r\n?/g, "\n").replace(obeyed, "\ufffd");

export const number = (value: number | null | undefined, digits = 2): string =>
  value === null || value === undefined ? "–" : value.toFixed(digits);

export const signed = (value: number | null | undefined, digits = 2): string =>
  value === null || value === undefined ? "–" : `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;

/** Of a share in 0..1. */
export const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;

export const gigabytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

export const minutes = (seconds: number): string => (seconds / 60).toFixed(1);

export const count = (value: number): string => value.toLocaleString("en");

/** US dollars; null where the model's price is not known. */
export const dollars = (value: number | null): string => (value === null ? "price not known" : `$${value.toFixed(4)}`);

/** "1 answer", "2 answers". */
export const several = (value: number, one: string): string => `${count(value)} ${one}${value === 1 ? "" : "s"}`;

/** What stands for a mean where there is none; `applicable` answers could have had a score. */
export const unscored = (applicable: number): string => (applicable === 0 ? "not applicable" : "too few scored");

/** Tables begin with the headline tier. */
export const tierOrder = { reworded: 0, train: 1, unseen: 2 };
