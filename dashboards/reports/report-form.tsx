// One report: what it answers, its parameters, and the button that makes it.
import { useMutation } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { TextField } from '../parts/field.tsx';
import { ServiceError } from '../service-error.ts';
import { downloadReport, writeReportAddress } from './download-report.ts';
import type { ReportDefinition } from './reports-query.ts';

export function ReportForm({ report }: { report: ReportDefinition }): ReactNode {
  const making = useMutation({
    mutationFn: (address: string) => downloadReport(report, address),
    networkMode: 'always',
    throwOnError: (error) => error instanceof ServiceError && error.failure === 'sign-in',
  });
  return (
    <form
      className="report"
      aria-label={report.title}
      method="get"
      action={`reports/${encodeURIComponent(report.name)}.pdf`}
      onSubmit={(event) => {
        event.preventDefault();
        making.mutate(writeReportAddress(report, new FormData(event.currentTarget)));
      }}
    >
      <div className="report-text">
        <h2>{report.title}</h2>
        <p>{report.description}</p>
      </div>
      <div className="report-parameters">
        {report.parameters.map((parameter) => (
          <ParameterField key={parameter.name} parameter={parameter} />
        ))}
        <button type="submit" className="primary" disabled={making.isPending}>
          {making.isPending ? 'Being made…' : 'Download PDF'}
        </button>
      </div>
      {making.isError && (
        <p className="notice bad" role="alert">
          {making.error.message}
        </p>
      )}
      {making.isSuccess && (
        <p className="verdict good" role="status">
          Downloaded.
        </p>
      )}
    </form>
  );
}

function ParameterField({ parameter }: { parameter: ReportDefinition['parameters'][number] }): ReactNode {
  const { name, label, type, required } = parameter;
  const kind = type === 'date' ? 'date' : type === 'datetime' ? 'datetime-local' : 'text';
  return (
    <TextField
      label={`${label}${kind === 'text' ? '' : ' (UTC)'}${required ? '' : ', optional'}`}
      name={name}
      type={kind}
      required={required}
    />
  );
}
