{{- /* The pod of a part: root, part (its name), values (its values), image, command, restartPolicy, and as a check of
       health either `http` or the arguments of phonoscope-health as `health`. */ -}}
{{- define "phonoscope.pod" -}}
{{- $values := .root.Values -}}
{{- $gpu := and (eq .image "gpuWorker") $values.gpu.enabled -}}
{{- $served := and (ne .part "migrate") (ne .part "courier") -}}
metadata:
  labels:
    {{- include "phonoscope.labels" . | nindent 4 }}
  {{- with .values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  automountServiceAccountToken: false
  enableServiceLinks: false
  restartPolicy: {{ .restartPolicy | default "Always" }}
  terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
  {{- with $values.images.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  {{- with .values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- if and $gpu $values.gpu.runtimeClassName }}
  runtimeClassName: {{ $values.gpu.runtimeClassName }}
  {{- end }}
  {{- with .values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with concat .values.tolerations (ternary $values.gpu.tolerations list $gpu) }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if and $values.topologySpread.enabled (ne .part "migrate") }}
  topologySpreadConstraints:
    {{- $part := . }}
    {{- range $values.topologySpread.keys }}
    - maxSkew: 1
      topologyKey: {{ . }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "phonoscope.selector" $part | nindent 10 }}
    {{- end }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile:
      type: RuntimeDefault
  containers:
    - name: {{ .part }}
      image: {{ include "phonoscope.image" . | quote }}
      imagePullPolicy: {{ $values.images.pullPolicy }}
      command: {{ toJson .command }}
      env:
        {{- include "phonoscope.environment" . | nindent 8 }}
      {{- if or .http (and $values.metrics.port (ne .part "migrate")) }}
      ports:
        {{- if .http }}
        - name: http
          containerPort: 8000
        {{- end }}
        {{- if $values.metrics.port }}
        - name: metrics
          containerPort: {{ $values.metrics.port }}
        {{- end }}
      {{- end }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: {{ ternary $values.gpu.readOnlyRootFilesystem true $gpu }}
        capabilities:
          drop: [ALL]
      resources:
        {{- $resources := deepCopy .values.resources }}
        {{- if $gpu }}
        {{- $_ := set $resources.limits $values.gpu.resource $values.gpu.count }}
        {{- end }}
        {{- toYaml $resources | nindent 8 }}
      {{- if .http }}
      {{- include "phonoscope.http-probes" . | nindent 6 }}
      {{- else if .health }}
      {{- include "phonoscope.health-probes" . | nindent 6 }}
      {{- end }}
      volumeMounts:
        - name: temporary
          mountPath: /tmp
        {{- range $name, $server := dict "broker" $values.broker "database" $values.database }}
        {{- if $server.caSecret }}
        - name: {{ $name }}-ca
          mountPath: /ca/{{ $name }}
          readOnly: true
        {{- end }}
        {{- end }}
        {{- if and $served $values.models.existingClaim }}
        - name: models
          mountPath: /models
          readOnly: true
        {{- end }}
        {{- if and $served $values.pulledModels.existingClaim }}
        - name: pulled-models
          mountPath: /pulled
          readOnly: true
        {{- end }}
  volumes:
    - name: temporary
      emptyDir:
        sizeLimit: {{ .values.temporary }}
    {{- range $name, $server := dict "broker" $values.broker "database" $values.database }}
    {{- with $server.caSecret }}
    - name: {{ $name }}-ca
      secret:
        secretName: {{ . }}
        items: [{key: ca.crt, path: ca.crt}]
    {{- end }}
    {{- end }}
    {{- if and $served $values.models.existingClaim }}
    - name: models
      persistentVolumeClaim:
        claimName: {{ $values.models.existingClaim }}
        readOnly: true
    {{- end }}
    {{- if and $served $values.pulledModels.existingClaim }}
    - name: pulled-models
      persistentVolumeClaim:
        claimName: {{ $values.pulledModels.existingClaim }}
        readOnly: true
    {{- end }}
{{- end }}

{{- define "phonoscope.http-probes" -}}
startupProbe:
  httpGet: {path: /health/live, port: http}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 24
livenessProbe:
  httpGet: {path: /health/live, port: http}
  periodSeconds: 10
  timeoutSeconds: 10
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /health/ready, port: http}
  periodSeconds: 10
  timeoutSeconds: 10
  failureThreshold: 3
lifecycle:
  preStop:
    exec:
      command: [sleep, "5"]
{{- end }}

{{- /* No check of life: it asks PostgreSQL, whose absence no restart mends; hung children are the guardian's. */ -}}
{{- define "phonoscope.health-probes" -}}
readinessProbe:
  exec:
    command: [phonoscope-health, {{ .health }}]
  periodSeconds: 30
  timeoutSeconds: 30
  failureThreshold: 3
{{- end }}
