// The entry of the web application.
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import './styles/colours.css';
import './styles/base.css';
import './styles/layout.css';
import './styles/controls.css';
import './styles/tables.css';
import './styles/changes.css';
import './styles/overview.css';
import './styles/details.css';
import './styles/graphiql.css';
import './styles/print.css';

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no element #root');
createRoot(root).render(<App />);
