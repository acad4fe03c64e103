// Reads the sheets of an XLSX file without any of the libraries that could have written it: Python's own zip and XML, and what of
// SpreadsheetML Excel itself needs. Fails for a formula, for XML that is none, and for a cell of a kind that is not expected.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const LARGEST = 256 * 1024 * 1024;

/** The rows of each sheet, each cell as text; undefined: an empty one. */
export function readSheets(file: Buffer, folder: string): (string | undefined)[][][] {
  const path = join(folder, 'read.xlsx');
  writeFileSync(path, file);
  const names = JSON.parse(execFileSync('python3', ['-c', SHEETS, path], { encoding: 'utf8', maxBuffer: LARGEST }));
  assert.ok(Array.isArray(names));
  return names.map((sheet: unknown) => {
    assert.ok(Array.isArray(sheet));
    return sheet.map((row: unknown) => {
      assert.ok(Array.isArray(row));
      return row.map((cell: unknown) => (typeof cell === 'string' ? cell : undefined));
    });
  });
}

const SHEETS = `import sys, re, json, zipfile
import xml.etree.ElementTree as ET
M = '{http://schemas.openxmlformats.org/spreadsheetml/2006/main}'
archive = zipfile.ZipFile(sys.argv[1])
assert archive.testzip() is None, 'a damaged part'
book = ET.fromstring(archive.read('xl/workbook.xml'))
sheets = []
def column(ref):
    number = 0
    for letter in re.match('[A-Z]+', ref).group(): number = number * 26 + ord(letter) - 64
    return number - 1
def unescape(text):
    return re.sub('_x([0-9A-Fa-f]{4})_', lambda found: chr(int(found.group(1), 16)), text)
for number in range(1, len(book.find(M + 'sheets')) + 1):
    root = ET.fromstring(archive.read(f'xl/worksheets/sheet{number}.xml'))
    assert not list(root.iter(M + 'f')), 'a formula'
    rows = []
    for row in root.find(M + 'sheetData'):
        cells = []
        for cell in row:
            place = column(cell.get('r'))
            cells += [None] * (place + 1 - len(cells))
            kind = cell.get('t')
            if kind == 'inlineStr': cells[place] = unescape(cell.find(M + 'is').find(M + 't').text or '')
            elif kind == 'b': cells[place] = 'true' if cell.find(M + 'v').text == '1' else 'false'
            elif kind is None: cells[place] = cell.find(M + 'v').text
            else: raise Exception(f'a cell of kind {kind}')
        rows.append(cells)
    sheets.append(rows)
print(json.dumps(sheets))`;
