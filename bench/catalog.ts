/**
 * What a medical laboratory measures: panels of LOINC codes with UCUM units, reference ranges and the digits that an
 * analyzer reports. Means and spreads are rounded from common adult reference ranges; good enough for shape, not for care.
 */
export interface Test {
  code: string;
  name: string;
  unit: string;
  ucum: string;
  low: number;
  high: number;
  digits: number;
}

export interface Panel {
  code: string;
  name: string;
  specimen: { code: string; name: string };
  tests: Test[];
}

function test(code: string, name: string, unit: string | [string, string], range: [number, number, number]): Test {
  const [shown, ucum] = typeof unit === 'string' ? [unit, unit] : unit;
  const [low, high, digits] = range;
  return { code, name, unit: shown, ucum, low, high, digits };
}

const blood = { code: '119297000', name: 'Blood specimen' };
const serum = { code: '119364003', name: 'Serum specimen' };

export const panels: readonly Panel[] = [
  {
    code: '58410-2',
    name: 'CBC panel - Blood by Automated count',
    specimen: blood,
    tests: [
      test('6690-2', 'Leukocytes [#/volume] in Blood', ['10^3/uL', '10*3/uL'], [4, 11, 2]),
      test('789-8', 'Erythrocytes [#/volume] in Blood', ['10^6/uL', '10*6/uL'], [4.2, 5.9, 2]),
      test('718-7', 'Hemoglobin [Mass/volume] in Blood', 'g/dL', [12, 17.5, 1]),
      test('4544-3', 'Hematocrit [Volume Fraction] of Blood', '%', [36, 50, 1]),
      test('787-2', 'MCV [Entitic volume]', 'fL', [80, 100, 1]),
      test('785-6', 'MCH [Entitic mass]', 'pg', [27, 33, 1]),
      test('786-4', 'MCHC [Mass/volume]', 'g/dL', [32, 36, 1]),
      test('777-3', 'Platelets [#/volume] in Blood', ['10^3/uL', '10*3/uL'], [150, 400, 0]),
      test('788-0', 'Erythrocyte distribution width [Ratio]', '%', [11.5, 14.5, 1]),
      test('770-8', 'Neutrophils/100 leukocytes in Blood', '%', [40, 70, 1]),
      test('736-9', 'Lymphocytes/100 leukocytes in Blood', '%', [20, 45, 1]),
      test('5905-5', 'Monocytes/100 leukocytes in Blood', '%', [2, 10, 1]),
    ],
  },
  {
    code: '24323-8',
    name: 'Comprehensive metabolic 2000 panel - Serum or Plasma',
    specimen: serum,
    tests: [
      test('2345-7', 'Glucose [Mass/volume] in Serum or Plasma', 'mg/dL', [70, 105, 0]),
      test('3094-0', 'Urea nitrogen [Mass/volume] in Serum or Plasma', 'mg/dL', [7, 20, 0]),
      test('2160-0', 'Creatinine [Mass/volume] in Serum or Plasma', 'mg/dL', [0.6, 1.3, 2]),
      test('2951-2', 'Sodium [Moles/volume] in Serum or Plasma', 'mmol/L', [135, 145, 0]),
      test('2823-3', 'Potassium [Moles/volume] in Serum or Plasma', 'mmol/L', [3.5, 5.1, 1]),
      test('2075-0', 'Chloride [Moles/volume] in Serum or Plasma', 'mmol/L', [98, 107, 0]),
      test('2028-9', 'Carbon dioxide, total [Moles/volume] in Serum or Plasma', 'mmol/L', [22, 29, 0]),
      test('17861-6', 'Calcium [Mass/volume] in Serum or Plasma', 'mg/dL', [8.6, 10.3, 1]),
      test('2885-2', 'Protein [Mass/volume] in Serum or Plasma', 'g/dL', [6, 8.3, 1]),
      test('1751-7', 'Albumin [Mass/volume] in Serum or Plasma', 'g/dL', [3.5, 5.2, 1]),
      test('1975-2', 'Bilirubin.total [Mass/volume] in Serum or Plasma', 'mg/dL', [0.2, 1.2, 2]),
      test('6768-6', 'Alkaline phosphatase [Enzymatic activity/volume] in Serum or Plasma', 'U/L', [44, 121, 0]),
      test('1742-6', 'Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma', 'U/L', [7, 45, 0]),
      test('1920-8', 'Aspartate aminotransferase [Enzymatic activity/volume] in Serum or Plasma', 'U/L', [8, 40, 0]),
    ],
  },
  {
    code: '57698-3',
    name: 'Lipid panel with direct LDL - Serum or Plasma',
    specimen: serum,
    tests: [
      test('2093-3', 'Cholesterol [Mass/volume] in Serum or Plasma', 'mg/dL', [120, 200, 0]),
      test('2571-8', 'Triglyceride [Mass/volume] in Serum or Plasma', 'mg/dL', [40, 150, 0]),
      test('2085-9', 'Cholesterol in HDL [Mass/volume] in Serum or Plasma', 'mg/dL', [40, 80, 0]),
      test('18262-6', 'Cholesterol in LDL [Mass/volume] in Serum or Plasma by Direct assay', 'mg/dL', [50, 130, 0]),
    ],
  },
  {
    code: '24348-5',
    name: 'Free T4 and TSH panel - Serum or Plasma',
    specimen: serum,
    tests: [
      test('3016-3', 'Thyrotropin [Units/volume] in Serum or Plasma', ['mIU/L', 'm[IU]/L'], [0.4, 4, 3]),
      test('3024-7', 'Thyroxine (T4) free [Mass/volume] in Serum or Plasma', 'ng/dL', [0.8, 1.8, 2]),
    ],
  },
];

/** Ordered now and then, one at a time: the codes that a search finds rarely. */
export const singles: readonly Test[] = [
  test('4548-4', 'Hemoglobin A1c/Hemoglobin.total in Blood', '%', [4, 5.6, 1]),
  test('1988-5', 'C reactive protein [Mass/volume] in Serum or Plasma', 'mg/L', [0.1, 5, 2]),
  test('2276-4', 'Ferritin [Mass/volume] in Serum or Plasma', 'ng/mL', [15, 200, 1]),
  test('14635-7', '25-hydroxyvitamin D3 [Moles/volume] in Serum or Plasma', 'nmol/L', [50, 125, 1]),
  test('2132-9', 'Cobalamin (Vitamin B12) [Mass/volume] in Serum or Plasma', 'pg/mL', [200, 900, 0]),
  test('33959-8', 'Procalcitonin [Mass/volume] in Serum or Plasma', 'ng/mL', [0.01, 0.5, 3]),
];

/** One in two thousand patients: the rare code. */
export const rare = test('33762-6', 'NT-proBNP [Mass/volume] in Serum or Plasma', 'pg/mL', [5, 125, 0]);

/** A result with parts, for searches over components. */
export const bloodPressure = {
  code: '85354-9',
  name: 'Blood pressure panel with all children optional',
  parts: [
    test('8480-6', 'Systolic blood pressure', ['mmHg', 'mm[Hg]'], [95, 150, 0]),
    test('8462-4', 'Diastolic blood pressure', ['mmHg', 'mm[Hg]'], [55, 95, 0]),
  ],
};

export const familyNames: readonly string[] = [
  'Al-Khatib',
  'Haddad',
  'Al-Masri',
  'Benali',
  'El Fassi',
  'Mansour',
  'Diallo',
  'Traoré',
  'Okafor',
  'Mensah',
  'Tadesse',
  'Kamau',
  'Nkosi',
  'Abdi',
  'Hassan',
  'Ibrahim',
  'Khoury',
  'Najjar',
  'Ziani',
  'Bouzid',
  'Sow',
  'Ndiaye',
  'Owusu',
  'Chukwu',
  'Otieno',
  'Mwangi',
  'Dlamini',
  'Warsame',
  'Osman',
  'Suleiman',
  'Rahmani',
  'Farouk',
  'Sabbagh',
  'Qasim',
  'Tahan',
  'Yusuf',
];

export const givenNames: readonly (readonly [string, 'male' | 'female', string])[] = [
  ['Ahmad', 'male', 'أحمد'],
  ['Fatima', 'female', 'فاطمة'],
  ['Omar', 'male', 'عمر'],
  ['Layla', 'female', 'ليلى'],
  ['Yusuf', 'male', 'يوسف'],
  ['Mariam', 'female', 'مريم'],
  ['Khalid', 'male', 'خالد'],
  ['Nour', 'female', 'نور'],
  ['Samir', 'male', 'سمير'],
  ['Amina', 'female', 'أمينة'],
  ['Tariq', 'male', 'طارق'],
  ['Huda', 'female', 'هدى'],
  ['Ismail', 'male', 'إسماعيل'],
  ['Salma', 'female', 'سلمى'],
  ['Bilal', 'male', 'بلال'],
  ['Zahra', 'female', 'زهراء'],
];

export const cities: readonly (readonly [string, string])[] = [
  ['Amman', 'JO'],
  ['Cairo', 'EG'],
  ['Casablanca', 'MA'],
  ['Dakar', 'SN'],
  ['Nairobi', 'KE'],
  ['Lagos', 'NG'],
  ['Addis Ababa', 'ET'],
  ['Tunis', 'TN'],
  ['Riyadh', 'SA'],
  ['Accra', 'GH'],
];
