/** The limits of numbers, equal in JSON and XML. https://hl7.org/fhir/R4/datatypes.html#decimal */

/** Far more digits than any measurement has; PostgreSQL's numeric takes 16,383 behind the point. */
const longestNumber = 1000;

/** Why a number, written as `text` and read as `value`, is refused; undefined when it is not. */
export function numberProblem(text: string, value: number): string | undefined {
  if (text.length > longestNumber) {
    return `has more than ${longestNumber} characters`;
  }
  if (!Number.isFinite(value)) {
    return 'is too large';
  }
  return value === 0 && /^[^eE]*[1-9]/.test(text) ? 'is too close to zero' : undefined;
}
