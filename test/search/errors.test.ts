/** What is refused: each with 400, the name of the parameter and the rule. https://hl7.org/fhir/R4/search.html#errors */
import { describe, expect, test } from '@jest/globals';
import { OutcomeError, statusOf } from '../../src/fhir/outcome.ts';
import { parseSearch } from '../../src/search/parse.ts';
import { queryOf } from './fixture.ts';

/** Query of a type, and what the sentence must say. */
const refused: readonly (readonly [query: string, says: RegExp])[] = [
  ['Patient?nam=x', /"nam" is no search parameter of Patient.*name/],
  ['Patient?name:exat=x', /":exat" does not apply to the string parameter "name".*:exact/],
  ['Patient?gender:exact=x', /":exact" does not apply to the token parameter "gender"/],
  ['Patient?birthdate:contains=1980', /":contains" does not apply to the date parameter/],
  ['Patient?__proto__=x', /is no search parameter/],
  ['Patient?name:constructor=x', /":constructor" does not apply/],
  ['Patient?name=%00', /"name" contains the character NUL/],
  ['Patient?na%00me=x', /NUL/],
  ['Patient?birthdate=1980-13', /"birthdate" cannot have the value "1980-13"/],
  ['Patient?birthdate=1980-02-30', /"birthdate"/],
  ['Patient?birthdate=xx1980', /"birthdate"/],
  ['Patient?birthdate=1980,', /"birthdate".*empty/],
  ['Patient?gender=a|b|c', /"gender".*at most one/],
  ['Patient?gender=|', /"gender".*both empty/],
  ['Patient?name:missing=maybe', /"name:missing" must be true or false/],
  ['Patient?_id=a b', /"_id"/],
  ['Patient?_id:above=a', /":above" does not apply to "_id"/],
  ['Patient?_type=Observation', /"_type"/],
  ['Patient?_query=all', /"_query" is no search parameter/],
  ['?_type=Nothing', /"_type" names "Nothing"/],
  ['RiskAssessment?probability=ten', /"probability"/],
  ['RiskAssessment?probability=1e400', /"probability"/],
  ['RiskAssessment?probability=NaN', /"probability"/],
  ['Observation?value-quantity=gt', /"value-quantity"/],
  ['Observation?value-quantity=5|http://unitsofmeasure.org|', /"value-quantity".*code of the unit/],
  ['Observation?value-quantity=5|a|b|c', /"value-quantity"/],
  ['Observation?subject=a b', /"subject"/],
  ['Observation?subject:Nothing=a', /":Nothing" does not apply/],
  ['Observation?subject:Patient=Group/1', /"subject:Patient".*Patient/],
  ['Observation?subject:below=Patient/a', /"subject:below".*Patient resources form no hierarchy/],
  ['Observation?subject:below=a', /needs Type\/id/],
  ['Observation?subject.name.family=x', /no reference and cannot be chained/],
  ['Observation?code.name=x', /"code" of Observation is no reference/],
  ['Observation?subject:Practitioner.name=x', /cannot refer to "Practitioner"/],
  ['Observation?subject.nothing=x', /"nothing" is no search parameter/],
  ['Observation?code:in=no url', /"code:in".*canonical URL/],
  ['Observation?code:below=x', /:below needs system\|code/],
  ['Patient?identifier:of-type=a|b', /:of-type needs/],
  [
    'Observation?code-value-quantity=1$2$3',
    /needs 2 values: clinical-code\$value-quantity|needs 2 values: code\$value-quantity/,
  ],
  ['Observation?code-value-quantity=1', /needs 2 values/],
  ['ValueSet?url:below=urn:oid:1.2', /URN/],
  ['Location?near=north|pole', /near is latitude/],
  ['Location?near=1|1|-5|km', /distance/],
  ['Location?near=1|1|5|kg', /distance/],
  ['Patient?_has:Observation:code=x', /_has:Type:reference:parameter/],
  ['Patient?_has:Observation:status:code=x', /Observation.status is no reference/],
  ['Patient?_has:Nothing:patient:code=x', /_has:Type:reference:parameter/],
  ['Patient?_filter=name', /"_filter" is malformed/],
  ['Patient?_filter=name eq', /"_filter" is malformed.*value/],
  ['Patient?_filter=(name eq "x"', /"_filter" is malformed.*"\)"/],
  ['Patient?_filter=name zz "x"', /"_filter" is malformed.*operator/],
  ['Patient?_filter=name eq "x', /"_filter" is malformed.*quote/],
  ['Patient?_filter=birthdate co 1980', /"co" does not apply to a date parameter/],
  [`Patient?_filter=${'('.repeat(30)}name eq x${')'.repeat(30)}`, /nested too deep/],
  ['Patient?_count=-1', /"_count".*not negative/],
  ['Patient?_count=many', /"_count"/],
  ['Patient?_sort=nothing', /"nothing" is no search parameter/],
  ['Observation?_sort=code-value-quantity', /composite parameter has no order/],
  ['Patient?_total=guess', /"_total".*none, estimate, accurate/],
  ['Patient?_summary=maybe', /"_summary"/],
  ['Patient?_include=Patient', /"_include".*Type:parameter/],
  ['Patient?_include=Patient:name', /Patient.name is no reference/],
  ['Patient?_include=Patient:nothing', /"nothing" is no search parameter of Patient/],
  ['Patient?_include=Observation:subject:Practitioner', /cannot refer to Practitioner/],
  ['Patient?_revinclude=*', /"_revinclude"/],
  ['Patient?_include:twice=Patient:organization', /":twice" does not apply to "_include"/],
  ['Patient?_contained=maybe', /"_contained".*false, true, both/],
  ['Patient?_contained=true&_content=x', /_content cannot be asked of contained/],
  [`Patient?_id=${Array.from({ length: 1001 }, (_, i) => i).join()}`, /more than 1000 values/],
  [`Patient?name=${'x'.repeat(100_000)}`, /at most/],
  [`Patient?${'active=true&'.repeat(101)}active=true`, /at most 100 parameters/],
  [`Observation?${'derived-from:Observation.'.repeat(10)}status=final`, /more than 8 steps/],
];

function parse(url: string, handling: 'strict' | 'lenient' = 'strict'): ReturnType<typeof parseSearch> {
  const [type = '', query = ''] = url.split(/\?(.*)/s);
  return parseSearch(type === '' ? undefined : type, queryOf(query), { handling });
}

describe('errors', () => {
  test.each(refused)('%s', (url, says) => {
    let error: unknown;
    try {
      parse(url);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(OutcomeError);
    expect((error as OutcomeError).message).toMatch(says);
    expect(statusOf(error as OutcomeError)).toBe(400);
  });

  test('lenient handling leaves out what it does not know and says so', () => {
    const search = parse('Patient?nam=x&gender=male&gender:exact=male', 'lenient');
    expect(search.processed).toEqual([['gender', 'male']]);
    expect(search.ignored).toHaveLength(2);
  });

  test('lenient handling still refuses a bad value', () => {
    expect(() => parse('Patient?birthdate=x', 'lenient')).toThrow(/"birthdate"/);
  });

  test('a page is cut at 1,000 resources', () => {
    expect(parse('Patient?_count=5000').count).toBe(1_000);
    expect(parse('Patient?_count=0').count).toBe(0);
  });
});
