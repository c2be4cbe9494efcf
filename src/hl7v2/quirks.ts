/** What peers cannot bear of the standard, told to their interface (Endpoint, extension hl7v2-interface, `quirk`). */
export const quirks: Readonly<Record<string, string>> = {
  'original-mode': 'it is acknowledged once, in original mode, whatever MSH-15 and MSH-16 say',
  'no-errors': 'acknowledgements have no ERR; MSA-3 tells the first sentence',
};
