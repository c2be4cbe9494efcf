import { describe, expect, test } from '@jest/globals';
import { validateResource } from '../../src/fhir/validation/validate.ts';

const XHTML = 'xmlns="http://www.w3.org/1999/xhtml"';

function faults(div: string): string[] {
  return validateResource({ resourceType: 'Patient', text: { status: 'generated', div } }).map(
    (issue) => issue.diagnostics,
  );
}

describe('https://hl7.org/fhir/R4/narrative.html#xhtml', () => {
  test.each([
    ['text', `<div ${XHTML}>text</div>`],
    ['elements and attributes', `<div ${XHTML} lang="ar" dir="rtl"><p class="a">b <b>c</b><br/></p></div>`],
    ['a table', `<div ${XHTML}><table border="1"><tbody><tr><td colspan="2">x</td></tr></tbody></table></div>`],
    ['links and images', `<div ${XHTML}><a href="https://e.org/?a=1&amp;b=2">x</a><img src="#pic" alt="y"/></div>`],
    ['an image alone', `<div ${XHTML}><img src="data:image/png;base64,AAAA" alt=""/></div>`],
    ['an image with blanks in its URL', `<div ${XHTML}><img src="data: image/png;base64,AAAA" alt=""/></div>`],
    ['character references', `<div ${XHTML}>&#160;&lt;a&gt; &amp; b</div>`],
    ['a style', `<div ${XHTML}><span style="color: red">x</span></div>`],
    ['a comment', `<div ${XHTML}><!-- c -->x</div>`],
    ['CDATA', `<div ${XHTML}><![CDATA[a < b]]></div>`],
    ['Arabic', `<div ${XHTML}>مختبر 😀</div>`],
  ])('right: %s', (_rule, div) => expect(faults(div)).toEqual([]));

  test.each([
    ['no namespace', '<div>x</div>', 'one <div xmlns='],
    ['another root', `<p ${XHTML}>x</p>`, 'one <div xmlns='],
    ['not only a div', `<div ${XHTML}>x</div><div ${XHTML}>y</div>`, 'well-formed'],
    ['text only', 'x', 'well-formed'],
    ['a script', `<div ${XHTML}><script>x</script></div>`, '<script>'],
    ['a script in upper case', `<div ${XHTML}><SCRIPT>x</SCRIPT></div>`, '<SCRIPT>'],
    ['a form', `<div ${XHTML}><form><input/></form></div>`, '<form>'],
    ['an iframe', `<div ${XHTML}><iframe src="x"/></div>`, '<iframe>'],
    ['an object', `<div ${XHTML}><object data="x"/></div>`, '<object>'],
    ['a style sheet', `<div ${XHTML}><style>x</style></div>`, '<style>'],
    ['another namespace', `<div ${XHTML}><svg xmlns="http://www.w3.org/2000/svg"/>x</div>`, '<svg>'],
    [
      'a prefixed element',
      `<div ${XHTML} xmlns:h="http://www.w3.org/1999/xhtml"><h:script>x</h:script></div>`,
      'xmlns:h',
    ],
    ['a div of another namespace', `<div ${XHTML}><div xmlns="http://e.org">x</div></div>`, 'namespace'],
    ['an event', `<div ${XHTML}><p onclick="x()">y</p></div>`, 'onclick'],
    ['a javascript link', `<div ${XHTML}><a href="javascript:x()">y</a></div>`, 'must not run'],
    ['a hidden javascript link', `<div ${XHTML}><a href=" java&#10;script:x()">y</a></div>`, 'must not run'],
    ['HTML as an image', `<div ${XHTML}><img src="data:text/html,x"/></div>`, 'must not run'],
    ['an SVG as an image', `<div ${XHTML}><img src="data:image/svg+xml,x"/></div>`, 'must not run'],
    ['an entity of HTML', `<div ${XHTML}>a&nbsp;b</div>`, 'well-formed'],
    ['an open element', `<div ${XHTML}><p>x</div>`, 'well-formed'],
    ['an attribute without quotes', `<div ${XHTML}><p class=a>x</p></div>`, 'well-formed'],
    ['a document type', `<!DOCTYPE div [<!ENTITY a "b">]><div ${XHTML}>&a;</div>`, 'document type'],
    ['a processing instruction', `<div ${XHTML}><?php x ?>y</div>`, 'processing instructions'],
    ['a control character', `<div ${XHTML}>a\u0001</div>`, 'well-formed'],
    ['no content (txt-2)', `<div ${XHTML}> <p> </p></div>`, 'txt-2'],
    ['an empty div (txt-2)', `<div ${XHTML}/>`, 'txt-2'],
  ])('wrong: %s', (_rule, div, words) => expect(faults(div)).toEqual([expect.stringContaining(words)]));

  test('nested a hundred thousand times, entities a hundred thousand times', () => {
    expect(faults(`<div ${XHTML}>${'<p>'.repeat(100_000)}x${'</p>'.repeat(100_000)}</div>`)).toEqual([]);
    expect(faults(`<div ${XHTML}>${'&amp;'.repeat(100_000)}</div>`)).toEqual([]);
  });
});
