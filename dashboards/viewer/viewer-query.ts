// Who is signed in, for the header of every page.
import { operation } from '../operation.ts';

export const viewerQuery = operation(`
  query Viewer {
    viewer { name roles questions withheld scope }
  }
`);
