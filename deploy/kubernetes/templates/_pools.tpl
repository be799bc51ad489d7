{{- /* Jobs that wait for a worker of a pool or are with one. A worker takes all tasks that a job has in a lane, and a job
       has at most 16: so the limit hides no job that would change the number of workers, and a million that wait cost
       no more to count. By its order the statement is sure to use the index of what waits. */ -}}
{{- define "phonoscope.jobs-query" -}}
{{- $pool := . -}}
{{- $most := mul .autoscaling.maxReplicas .autoscaling.jobsPerWorker 16 -}}
SELECT count(DISTINCT job_id)::float8 FROM (
{{- range ternary (list "short" "long") (list .lane) (eq .lane "both") }}
{{- $queue := printf "pool = '%s' AND lane = '%s'" $pool.pool . }}
(SELECT job_id FROM tasks WHERE status = 'queued' AND {{ $queue }}
AND waits_for IS NULL AND follows IS NULL AND available_at <= now() ORDER BY turn LIMIT {{ $most }})
UNION ALL (SELECT job_id FROM tasks WHERE status = 'running' AND {{ $queue }})
{{- if ne . (ternary "long" $pool.lane (eq $pool.lane "both")) }}
UNION ALL
{{- end }}
{{- end }}
) AS open
{{- end }}
