import assert from 'node:assert/strict';
import { appendFileSync, chmodSync, rmSync, symlinkSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { csvSettingsSchema } from '../engine/connectors/csv.ts';
import { readImageDate } from '../engine/connectors/csv-images.ts';
import { connect, folder, HEADER, makeFolder, read, writeInput } from './connector-csv-world.ts';
import { asNobody, assertStops } from './connector-refusals.ts';

describe('files that are not read', () => {
  const cases: {
    name: string;
    content: string | Uint8Array;
    code: string;
    message: RegExp;
    settings?: Record<string, unknown>;
  }[] = [
    { name: 'zero bytes', content: '', code: 'stopped-import-read', message: /is empty: zero bytes/ },
    {
      name: 'empty lines only',
      content: '\n\r\n',
      code: 'no-start-header-row-mismatch',
      message: /nothing but empty lines/,
    },
    {
      name: 'a missing column',
      content: 'id,name,department,active\n',
      code: 'no-start-header-row-mismatch',
      message: /no column "badge", "roles"; its header row has "id", "name", "department", "active"/,
    },
    {
      name: 'a missing initiator column',
      content: HEADER,
      settings: { initiator: 'by' },
      code: 'no-start-header-row-mismatch',
      message: /no column "by"/,
    },
    {
      name: 'a column there twice',
      content: `x,x,${HEADER}`,
      code: 'no-start-header-row-mismatch',
      message: /has the column "x" twice/,
    },
    {
      name: 'a quote never closed',
      content: `${HEADER}1,"a\r\nb",,,,\r\n2,"Bob,,,,\n3,Cy,,,,\n`,
      code: 'stopped-parsing-errors',
      message: /line 4: a quote is opened that is never closed/,
    },
    {
      name: 'a quote closed too early',
      content: `${HEADER}1,"Ann "x" Doe",,,,\n`,
      code: 'stopped-parsing-errors',
      message: /line 2: a quoted field goes on/,
    },
    {
      name: 'a quote within a field',
      content: `${HEADER}\n1,5" pipe,,,,\n`,
      code: 'stopped-parsing-errors',
      message: /line 3: a quote stands within a field/,
    },
    {
      name: 'a NUL byte',
      content: `${HEADER}1,A\0nn,,,,\n`,
      code: 'stopped-file-embedded-nulls',
      message: /line 2, holds a NUL byte/,
    },
    {
      name: 'a byte that is not UTF-8',
      content: Buffer.from(`${HEADER}1,Ann,,,,\n2,Jos\xe9,,,,\n`, 'latin1'),
      code: 'stopped-code-page-conversion',
      message: /input-\d+\.csv, line 3, holds a byte that is not utf-8/,
    },
    {
      name: 'a character cut off at the end',
      content: Buffer.from(`${HEADER}1,Ann,,,,\n2,\xe2\x82`, 'latin1'),
      code: 'stopped-code-page-conversion',
      message: /line 3/,
    },
    {
      name: 'half a UTF-16 character',
      content: Buffer.from(`${HEADER}1,\ud800,,,,\n`, 'utf16le'),
      settings: { encoding: 'utf-16le' },
      code: 'stopped-code-page-conversion',
      message: /line 2/,
    },
  ];
  for (const { name, content, code, message, settings } of cases) {
    test(`${name} stops the import with ${code}`, async () => {
      await assertStops(read(content, settings), code, message);
    });
  }

  test('the first bad byte is found far into a file, also when lines end in CR LF', async () => {
    const good = Buffer.from(`${HEADER.trim()}\r\n${'1,Zoë,,,,\r\n'.repeat(20_000)}`);
    const content = Buffer.concat([good, Buffer.from([0x32, 0x2c, 0xff]), good]);
    await assertStops(read(content), 'stopped-code-page-conversion', /line 20002,/);
  });

  test('no message quotes what stands in the file', async () => {
    for (const content of [
      `${HEADER}1,"hidden\n`,
      `${HEADER}1,hidden",,,,\n`,
      `${HEADER}1,"hid"den,,,,\n`,
      `${HEADER}1,hidden\0,,,,\n`,
    ]) {
      await assert.rejects(read(content), (error: Error) => !/hid/.test(error.message));
    }
  });

  test('a file that is not there is no empty image', async () => {
    await assertStops(
      connect({ file: join(folder, 'none.csv') }).readFullImage(undefined),
      'no-start-file-not-found',
      /none\.csv is not there/,
    );
  });

  test('a folder that is not there is no empty folder', async () => {
    await assertStops(
      connect({ folder: join(folder, 'none') }).readFullImage(undefined),
      'no-start-file-not-found',
      /The folder .*none is not there/,
    );
  });

  test('an image that vanishes after it was listed is missing', async () => {
    const drop = makeFolder();
    symlinkSync(join(drop, 'gone'), join(drop, 'hr-2024-01.csv'));
    await assertStops(
      connect({ folder: drop }).readFullImage(undefined),
      'no-start-file-not-found',
      /hr-2024-01\.csv is not there/,
    );
  });

  test('a folder in the place of the file is refused', async () => {
    await assertStops(connect({ file: folder }).readFullImage(undefined), 'no-start-file-open', /not a regular file/);
  });

  test('a file that may not be read is named with the remedy', async () => {
    const path = writeInput(HEADER);
    chmodSync(folder, 0o755);
    chmodSync(path, 0);
    const reading = (): Promise<unknown> => connect({ file: path }).readFullImage(undefined);
    await asNobody(() => assertStops(reading(), 'no-start-file-access-denied', /may not be read by this process/));
  });

  test('a file that grows while it is read is not used', async () => {
    const path = writeInput(HEADER + '1,Ann,,,,\n'.repeat(6_000_000));
    let isDone = false;
    const grow = (): void => {
      if (isDone) return;
      appendFileSync(path, '2,Bob,,,,\n');
      setImmediate(grow);
    };
    const reading = connect({ file: path })
      .readFullImage(undefined)
      .finally(() => {
        isDone = true;
      });
    grow();
    await assertStops(
      reading,
      'stopped-import-read',
      /changed while it was being read.*move it into its place when it is complete/,
    );
    rmSync(path);
  });

  test('a file beyond one GiB is refused before it is read', async () => {
    const path = writeInput('');
    truncateSync(path, 2 ** 30 + 1);
    await assertStops(connect({ file: path }).readFullImage(undefined), 'stopped-import-read', /1 GiB/);
  });
});

describe('encodings', () => {
  test('a byte order mark is stripped', async () => {
    const image = await read(`\ufeff${HEADER}1,Ann,,,,\n`);
    assert.equal(image.entries[0]?.anchor, '1');
  });

  test('windows-1252 and UTF-16 are read as declared', async () => {
    const old = await read(Buffer.from(`${HEADER}1,Jos\xe9 \x80,,,,\n`, 'latin1'), { encoding: 'windows-1252' });
    assert.deepEqual(old.entries[0]?.attributes.name, ['José €']);
    const wide = await read(Buffer.from(`\ufeff${HEADER}1,Jos\u00e9,,,,\n`, 'utf16le'), { encoding: 'utf-16le' });
    assert.deepEqual(wide.entries[0]?.attributes.name, ['José']);
  });
});

describe('a drop folder', () => {
  const cases: [string, string][] = [
    ['hr-2024-02.csv', '2024-02-29T23:59:59.999Z'],
    ['2023-12 staff.csv', '2023-12-31T23:59:59.999Z'],
    ['hr_2024-03-31.csv', '2024-03-31T23:59:59.999Z'],
    ['20240331-hr.csv', '2024-03-31T23:59:59.999Z'],
    ['hr-2024-03-31T2205.csv', '2024-03-31T22:05:00.000Z'],
    ['hr-2024-03-31T220509.csv', '2024-03-31T22:05:09.000Z'],
    ['hr-20240331T220509.csv', '2024-03-31T22:05:09.000Z'],
  ];
  for (const [name, expected] of cases) {
    test(`${name} is the image of ${expected}`, () => {
      const micros = readImageDate(name);
      assert.equal(new Date(Math.floor(micros / 1000)).toISOString(), expected);
      assert.equal(micros % 1000, expected.endsWith('999Z') ? 999 : 0);
    });
  }

  for (const name of [
    'hr.csv',
    'hr-2024-01-5.csv',
    'hr-12024-01.csv',
    'hr-2024-13.csv',
    'hr-2023-02-29.csv',
    'hr-2024-03-31T2460.csv',
    'hr-2024-03-31T1.csv',
    'hr-2024-01_2024-02.csv',
    'hr-12345678.csv',
  ]) {
    test(`${name} has no date that is certain`, async () => {
      const drop = makeFolder('hr-2024-01.csv', name);
      await assertStops(
        connect({ folder: drop }).readFullImage(undefined),
        'no-start-file-open',
        new RegExp(`${name}.*Name each image with its date`),
      );
    });
  }

  test('images come one after the other by their dates, also when the last one read is gone', async () => {
    const drop = makeFolder('b-2024-01.csv', 'a-2024-02.csv', 'c-2024-01-15.csv', 'notes-2024.txt', '.hidden.csv');
    const connector = connect({ folder: drop });
    const names: string[] = [];
    for (
      let image = await connector.readFullImage(undefined);
      image;
      image = await connector.readFullImage(image.input.name)
    ) {
      names.push(image.input.name);
      assert.equal(image.date, readImageDate(image.input.name));
      rmSync(join(drop, image.input.name));
    }
    assert.deepEqual(names, ['c-2024-01-15.csv', 'b-2024-01.csv', 'a-2024-02.csv']);
  });

  test('two images of the same date are refused, naming both', async () => {
    const drop = makeFolder('hr-2024-01.csv', 'hr-2024-01-31.csv');
    await assertStops(
      connect({ folder: drop }).readFullImage(undefined),
      'no-start-file-open',
      /hr-2024-01-31\.csv and hr-2024-01\.csv .*same date/,
    );
  });

  test('only files of the pattern are images', async () => {
    const drop = makeFolder('hr-2024-01.txt', 'it-2024-01.txt', 'hr.csv');
    const image = await connect({ folder: drop, pattern: 'hr-????-*.txt' }).readFullImage(undefined);
    assert.equal(image?.input.name, 'hr-2024-01.txt');
  });

  test('an empty folder holds nothing new', async () => {
    assert.equal(await connect({ folder: makeFolder() }).readFullImage(undefined), undefined);
  });
});

test('settings that cannot be meant are refused', () => {
  const wrong = [
    {},
    { file: 'a', folder: 'b' },
    { file: 'a', pattern: '*' },
    { folder: 'a', pattern: 'b/*' },
    { file: 'a', encoding: 'utf-9' },
    { file: 'a', delimiter: '' },
    { file: 'a', delimiter: '"' },
    { file: 'a', quote: '""' },
    { file: 'a', unknown: 1 },
  ];
  for (const settings of wrong)
    assert.equal(csvSettingsSchema.safeParse(settings).success, false, JSON.stringify(settings));
  assert.equal(csvSettingsSchema.safeParse({ folder: 'a' }).success, true);
});
