/** The namespaces of FHIR XML. https://hl7.org/fhir/R4/xml.html */

export const fhirNamespace = 'http://hl7.org/fhir';
export const xhtmlNamespace = 'http://www.w3.org/1999/xhtml';
export const xmlnsNamespace = 'http://www.w3.org/2000/xmlns/';
/** `xsi:schemaLocation` is allowed on any element and means nothing here. */
export const schemaNamespace = 'http://www.w3.org/2001/XMLSchema-instance';
