/** The part of `@lhncbc/ucum-lhc`, which has no types of its own, that ucum.ts uses. */
declare module '@lhncbc/ucum-lhc' {
  const ucum: {
    UcumLhcUtils: {
      getInstance(): { getSpecifiedUnit(code: string, purpose: 'validate'): { status: string; unit: object | null } };
    };
  };
  export default ucum;
}
