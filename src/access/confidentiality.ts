/** The codes by which confidentiality is labelled. https://terminology.hl7.org/CodeSystem-v3-Confidentiality.html */

export const confidentialitySystem = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';

/** From unrestricted to very restricted. */
export const confidentialities: readonly string[] = ['U', 'L', 'M', 'N', 'R', 'V'];

/** What a resource without such a label is. */
export const usualConfidentiality = 'N';
