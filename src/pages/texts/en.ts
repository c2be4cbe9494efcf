/**
 * The pages in English, and by its type what every other language must say. Sentences are calm, name the next step and
 * never blame. A value in a sentence is a parameter: word order differs between languages.
 */
export type Direction = 'ltr' | 'rtl';

/** The same keys and parameters, in other words. */
type InWords<T> = {
  readonly [K in keyof T]: T[K] extends string
    ? string
    : T[K] extends (...given: infer Given) => string
      ? (...given: Given) => string
      : InWords<T[K]>;
};

export type Texts = InWords<typeof words> & {
  /** Language tag of the pages. */
  readonly language: 'en' | 'fr' | 'ar';
  readonly direction: Direction;
  /** For numbers, dates and durations. */
  readonly locale: string;
};

const words = {
  languageName: 'English',
  common: {
    problem: 'There is a problem',
    error: (title: string) => `Error: ${title}`,
    cancel: 'Cancel',
    continue: 'Continue',
    skip: 'Skip to content',
    language: 'Language',
    signedInAs: (name: string) => `Signed in as ${name}`,
  },
  signIn: {
    title: 'Sign in',
    lead: (laboratory: string) => `Use your account at ${laboratory}.`,
    leadForApp: (app: string) => `Sign in to continue to ${app}.`,
    username: 'User name',
    password: 'Password',
    submit: 'Sign in',
    forgot: 'Forgot your password?',
    forgotHelp: 'Ask an administrator of your laboratory for a link to set a new one.',
    problems: {
      username: 'Enter your user name.',
      password: 'Enter your password.',
      credentials: 'The user name or the password is not right. Check both and try again.',
      locked: (wait: string) => `Too many attempts failed. Wait ${wait}, then try again.`,
      disabled: 'This account is switched off. Ask an administrator of your laboratory.',
    },
  },
  secondFactor: {
    title: 'Confirm that it is you',
    lead: 'Your account is protected by a second step.',
    other: 'Confirm in another way',
    totp: 'Code from your authenticator app',
    totpLabel: 'Six-digit code',
    totpHint: (laboratory: string) => `Open the app on your phone and enter the code that it shows for ${laboratory}.`,
    passkey: 'Passkey',
    passkeyHint: 'Use the fingerprint, face, PIN or security key that you registered.',
    passkeySubmit: 'Use a passkey',
    passkeyUnavailable: 'Passkeys need JavaScript and a browser that supports them.',
    recovery: 'Recovery code',
    recoveryLabel: 'Recovery code',
    recoveryHint: 'One of the codes that you kept when you set this up. Each works once.',
    submit: 'Confirm',
    problems: {
      totp: 'The code is not right or has run out. Enter the code that the app shows now.',
      passkey: 'The passkey was not accepted. Try again or confirm in another way.',
      recovery: 'This recovery code is not right or has been used before.',
      locked: (wait: string) => `Too many attempts failed. Wait ${wait}, then try again.`,
    },
  },
  choosePatient: {
    title: 'Choose a patient',
    lead: (app: string) => `${app} asks for the records of one patient.`,
    search: 'Name, birth date or number',
    searchHint: 'For example: Layla Haddad, 1987-03-09 or MRN 4711',
    find: 'Find',
    found: 'Patients',
    none: (query: string) => `No patient was found for “${query}”.`,
    noneYet: 'There is no patient that you may see.',
    more: 'There are more. Search for a name or number to see fewer.',
    unnamed: 'Patient without a name',
    born: (date: string) => `born ${date}`,
    genders: { male: 'male', female: 'female', other: 'other', unknown: 'sex unknown' },
    submit: 'Continue with this patient',
    problems: {
      missing: 'Choose a patient.',
      gone: 'This patient can no longer be chosen. Choose another one.',
    },
  },
  grant: {
    title: (app: string) => `Allow ${app}?`,
    lead: (app: string) => `${app} asks for access.`,
    may: 'The app may',
    mayHint: 'Take away the tick from what you do not want to allow.',
    returnsTo: 'After this page you go to',
    website: 'Website',
    unverified: 'Allow this only if you trust the app and started it yourself.',
    patient: 'Patient',
    lasts: 'How long',
    lastsShort: (time: string) => `${time}, then the app has to ask again.`,
    lastsOnline: 'Until you sign out.',
    lastsOffline: 'Until you withdraw it, also while you are away.',
    withdraw: 'You can withdraw it at any time in your account.',
    allow: 'Allow',
    deny: 'Do not allow',
    problems: { nothing: 'Keep at least one tick, or choose “Do not allow”.' },
  },
  scopes: {
    verbs: { read: 'read', create: 'add', update: 'change', delete: 'delete' },
    permission: (verbs: string, things: string) => `${verbs} ${things}`,
    yours: (verbs: string, things: string) => `${verbs} your ${things}`,
    ofPatient: 'Only for the chosen patient',
    ofUser: 'For everyone whose records you may see',
    where: 'Only where',
    openid: 'Know who you are: your name and your entry in the laboratory’s records',
    launch: 'Know which patient or visit it was opened for',
    patient: 'Know which patient was chosen',
    encounter: 'Know which visit was chosen',
    offline: 'Keep this access while you are away',
    online: 'Keep this access until you sign out',
    other: 'Use',
    ofType: (type: string) => `records of the type ${type}`,
  },
  things: {
    '*': 'records of every kind',
    laboratory: 'laboratory results',
    'vital-signs': 'vital signs',
    AllergyIntolerance: 'allergies',
    Appointment: 'appointments',
    AuditEvent: 'access logs',
    Binary: 'files',
    CarePlan: 'care plans',
    Communication: 'messages',
    Condition: 'conditions and diagnoses',
    Consent: 'consents',
    Coverage: 'insurance details',
    Device: 'devices',
    DiagnosticReport: 'reports',
    DocumentReference: 'documents',
    Encounter: 'visits',
    FamilyMemberHistory: 'family histories',
    Goal: 'goals',
    ImagingStudy: 'imaging studies',
    Immunization: 'immunisations',
    Location: 'locations',
    MedicationRequest: 'prescriptions',
    MedicationStatement: 'medications',
    Observation: 'results and measurements',
    Organization: 'organisations',
    Patient: 'personal details',
    Practitioner: 'details of practitioners',
    PractitionerRole: 'roles of practitioners',
    Procedure: 'procedures',
    Provenance: 'records of origin',
    Questionnaire: 'questionnaires',
    QuestionnaireResponse: 'answers to questionnaires',
    RelatedPerson: 'related persons',
    ServiceRequest: 'orders',
    Specimen: 'specimens',
    Task: 'tasks',
  },
  signOut: {
    title: 'Sign out?',
    lead: 'You will be signed out of this laboratory in this browser.',
    leadForApp: (app: string) => `${app} asks to sign you out of this laboratory in this browser.`,
    submit: 'Sign out',
    stay: 'Stay signed in',
    endedTitle: 'Signed out',
    ended: 'You have signed out.',
    close: 'On a shared computer, close the browser as well.',
    again: 'Sign in again',
  },
  error: {
    title: 'This did not work',
    problems: {
      app: 'The app is not registered at this laboratory, or was registered differently. Tell those who run the app.',
      address: 'The app asked to send you to an address that is not registered for it. Nothing was sent there.',
      request: 'The app asked in a way that this server does not accept. Tell those who run the app.',
      expired: 'This page is no longer valid. Go back to the app and start again.',
      forgery: 'This form did not come from a page that was opened here. Go back and try again.',
      missing: 'There is nothing at this address.',
      suspended: 'This laboratory is closed at the moment.',
      tooMany: 'There were too many requests. Wait a minute, then try again.',
      server: 'Something went wrong on our side. Try again in a moment.',
    },
    details: 'Technical details',
    request: 'Request',
    account: 'Go to your account',
  },
};

export const en: Texts = { language: 'en', direction: 'ltr', locale: 'en-GB', ...words };
