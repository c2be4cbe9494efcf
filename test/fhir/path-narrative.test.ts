/** Narratives: https://hl7.org/fhir/R4/narrative.html#rules (txt-1, txt-2). */
import { describe, expect, test } from '@jest/globals';
import { narrativeFault } from '../../src/fhir/path/narrative.ts';

const div = (inner: string): string => `<div xmlns="http://www.w3.org/1999/xhtml">${inner}</div>`;

describe('allowed', () => {
  test.each([
    div('<p>Glucose <b>5.4</b>&#160;mmol/L &nbsp; &lt; 6</p>'),
    div('<table class="grid" border="1"><tbody><tr><td style="color: red" colspan="2">نتيجة</td></tr></tbody></table>'),
    div('<a name="x"/><a href="https://example.org/">link</a>'),
    div('<img src="data:image/png;base64,AAAA" alt="curve"/>'),
    div('<img src="#picture" alt=""/>'),
    `<div xmlns="http://www.w3.org/1999/xhtml" lang="ar" dir="rtl">نص</div>`,
  ])('%s', (text) => {
    expect(narrativeFault(text)).toBeUndefined();
  });
});

describe('refused', () => {
  test.each([
    [div('<script>alert(1)</script>'), '<script>'],
    [div('<p onclick="x()">a</p>'), 'onclick'],
    [div('<a href="javascript:alert(1)">a</a>'), 'address'],
    [div('<a href=" java&#10;script:alert(1)">a</a>'), 'address'],
    [div('<a href="data:text/html,x">a</a>'), 'address'],
    [div('<p style="width: expression(alert(1))">a</p>'), 'style'],
    [div('<form><input/></form>'), '<form>'],
    [div('<iframe src="https://example.org"/>a'), '<iframe>'],
    [div('<svg/>a'), '<svg>'],
    [div('<p>unclosed'), 'well-formed'],
    [div('<p>a & b</p>'), 'well-formed'],
    [div(' \n '), 'no content'],
    ['<div>no namespace</div>', 'namespace'],
    ['<p xmlns="http://www.w3.org/1999/xhtml">a</p>', 'namespace'],
    [`${div('a')}${div('b')}`, 'one <div>'],
    [`text ${div('a')}`, 'outside'],
    ['', 'one <div>'],
    [`<!DOCTYPE div [<!ENTITY a "b">]>${div('&a;')}`, ''],
    [`<?php x ?>${div('a')}`, 'processing instruction'],
  ])('%s', (text, reason) => {
    expect(narrativeFault(text)).toContain(reason);
  });
});
