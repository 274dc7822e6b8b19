/** Addresses as they may be shown: in logs, errors, `/config` and `/status`. */

/** Users, passwords and tokens in URLs become stars. A password may hold a slash that nobody encoded, so everything up to the last `@` goes. */
export const withoutLogin = (text: string): string => text.replaceAll(/\/\/[^\s,"]*@/g, '//***@')
