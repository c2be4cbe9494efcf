/** The words of the index page of a package (package-page.ts) in the three languages. */

export interface PackageWords {
  readonly language: 'en' | 'fr' | 'ar';
  readonly direction: 'ltr' | 'rtl';
  readonly name: string;
  readonly title: string;
  readonly intro: string;
  readonly moment: string;
  readonly made: string;
  readonly key: string;
  readonly counts: readonly [title: string, type: string, current: string, versions: string];
  readonly contents: readonly [title: string, path: string, what: string];
  readonly files: Readonly<
    Record<'resources' | 'history' | 'hl7v2' | 'files' | 'audit' | 'messages' | 'settings', string>
  >;
  readonly check: string;
  readonly checkText: string;
  readonly keyText: string;
  readonly load: string;
  readonly loadText: string;
  readonly without: string;
  readonly events: string;
  readonly seals: string;
}

export const packageWords: readonly PackageWords[] = [
  {
    language: 'en',
    direction: 'ltr',
    name: 'English',
    title: 'Everything that belongs to the laboratory',
    intro: 'This folder holds all data of the laboratory in open formats. It can be read without Makhbar.',
    moment: 'As of',
    made: 'Complete since',
    key: 'Thumbprint of the signing key',
    counts: ['What is in it', 'Type', 'Current', 'With all versions'],
    contents: ['Where it is', 'Folder', 'Content'],
    files: {
      resources: 'All current resources, FHIR R4, one JSON text a line (NDJSON)',
      history: 'All versions of all resources',
      hl7v2: 'Patients, orders, reports and results as HL7 v2.5.1 messages; in unsaid/, what these cannot say',
      files: 'Attachments and reports, as they were sent',
      audit: 'The audit log: AuditEvents, seals and the public keys of the seals',
      messages: 'Messages of analysers and hospitals (HL7 v2, ASTM), their bytes in base64',
      settings: 'Users, roles, applications, rules and holds',
    },
    check: 'Check it',
    checkText: 'With Node 18 or later, and nothing else:',
    keyText:
      'The signature is worth as much as the key: ask the operator for its thumbprint by another way, and add it:',
    load: 'Load it into another server',
    loadText: 'The files under resources/ are what FHIR Bulk Data calls NDJSON. Into another Makhbar:',
    without: 'No password, secret or private key is in this folder. It tells of patients: keep it closed.',
    events: 'Audit events',
    seals: 'Seals',
  },
  {
    language: 'fr',
    direction: 'ltr',
    name: 'Français',
    title: 'Tout ce qui appartient au laboratoire',
    intro: 'Ce dossier contient toutes les données du laboratoire dans des formats ouverts. Il se lit sans Makhbar.',
    moment: 'État au',
    made: 'Complet depuis',
    key: 'Empreinte de la clé de signature',
    counts: ['Ce qu’il contient', 'Type', 'Actuelles', 'Avec toutes les versions'],
    contents: ['Où le trouver', 'Dossier', 'Contenu'],
    files: {
      resources: 'Toutes les ressources actuelles, FHIR R4, un texte JSON par ligne (NDJSON)',
      history: 'Toutes les versions de toutes les ressources',
      hl7v2:
        'Patients, demandes, comptes rendus et résultats en messages HL7 v2.5.1 ; dans unsaid/, ce qu’ils ne peuvent dire',
      files: 'Pièces jointes et comptes rendus, tels qu’ils ont été envoyés',
      audit: 'Le journal d’audit : AuditEvents, sceaux et clés publiques des sceaux',
      messages: 'Messages des automates et des hôpitaux (HL7 v2, ASTM), leurs octets en base64',
      settings: 'Utilisateurs, rôles, applications, règles et gels',
    },
    check: 'Le vérifier',
    checkText: 'Avec Node 18 ou plus récent, et rien d’autre :',
    keyText:
      'La signature vaut ce que vaut la clé : demandez son empreinte à l’exploitant par une autre voie, et ajoutez-la :',
    load: 'Le charger dans un autre serveur',
    loadText: 'Les fichiers sous resources/ sont le NDJSON de FHIR Bulk Data. Dans un autre Makhbar :',
    without:
      'Ce dossier ne contient ni mot de passe, ni secret, ni clé privée. Il parle de patients : gardez-le fermé.',
    events: 'Événements d’audit',
    seals: 'Sceaux',
  },
  {
    language: 'ar',
    direction: 'rtl',
    name: 'العربية',
    title: 'كل ما يخص المختبر',
    intro: 'يحتوي هذا المجلد على جميع بيانات المختبر بصيغ مفتوحة، ويمكن قراءته من دون مخبر.',
    moment: 'الحالة في',
    made: 'مكتمل منذ',
    key: 'بصمة مفتاح التوقيع',
    counts: ['ماذا يحتوي', 'النوع', 'الحالية', 'مع جميع الإصدارات'],
    contents: ['أين تجده', 'المجلد', 'المحتوى'],
    files: {
      resources: 'جميع الموارد الحالية، FHIR R4، نص JSON واحد في كل سطر (NDJSON)',
      history: 'جميع إصدارات جميع الموارد',
      hl7v2: 'المرضى والطلبات والتقارير والنتائج كرسائل HL7 v2.5.1، وفي unsaid ما لا تستطيع هذه الرسائل قوله',
      files: 'المرفقات والتقارير كما أُرسلت',
      audit: 'سجل التدقيق: الأحداث والأختام والمفاتيح العامة للأختام',
      messages: 'رسائل الأجهزة والمستشفيات (HL7 v2 و ASTM)، بايتاتها بترميز base64',
      settings: 'المستخدمون والأدوار والتطبيقات والقواعد وأوامر الحفظ',
    },
    check: 'التحقق منه',
    checkText: 'يكفي Node 18 أو أحدث ولا شيء غيره:',
    keyText: 'قيمة التوقيع من قيمة المفتاح: اطلب بصمته من المشغّل بطريق آخر وأضفها:',
    load: 'تحميله في خادم آخر',
    loadText: 'الملفات في المجلد resources هي NDJSON كما في FHIR Bulk Data. في مخبر آخر:',
    without: 'لا توجد في هذا المجلد كلمة مرور ولا سر ولا مفتاح خاص. وهو يتحدث عن مرضى: احفظه مغلقًا.',
    events: 'أحداث التدقيق',
    seals: 'الأختام',
  },
];
