{{- /* A number as it is written: Helm reads each as floating-point, and prints large ones with an exponent. */ -}}
{{- define "phonoscope.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) }}{{ int64 . }}{{ else }}{{ toString . }}{{ end -}}
{{- end }}

{{- define "phonoscope.secret" -}}
{{- $secrets := .root.Values.secrets -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ $secrets.existingSecret }}
      key: {{ index $secrets.keys .key }}
{{- end }}

{{- /* A part's settings as JSON: its own go before the common ones. */ -}}
{{- define "phonoscope.settings" -}}
{{- $settings := dict -}}
{{- range list .root.Values.settings .values.settings }}{{ range $name, $value := . }}{{ $_ := set $settings $name $value }}{{ end }}{{ end -}}
{{- toJson $settings -}}
{{- end }}

{{- /* Every process has the same variables, as in docker-compose.yml. */ -}}
{{- define "phonoscope.environment" -}}
{{- $values := .root.Values -}}
{{- $settings := fromJson (include "phonoscope.settings" .) -}}
{{- $_ := set $settings "device" (ternary "cuda" "auto" (and (eq .image "gpuWorker") $values.gpu.enabled)) -}}
{{- with $values.models.existingClaim }}{{ $_ := set $settings "models_dir" "/models" }}{{ end -}}
{{- with $values.pulledModels.existingClaim }}{{ $_ := set $settings "more_models_dir" "/pulled" }}{{ end -}}
{{- with $values.store.publicEndpointUrl }}{{ $_ := set $settings "s3_public_endpoint_url" . }}{{ end -}}
{{- if $values.metrics.port }}
{{- $_ := set $settings "metrics_port" $values.metrics.port }}
{{- $_ := set $settings "metrics_host" "0.0.0.0" }}
{{- end }}
{{- include "phonoscope.secret" (dict "root" .root "name" "DATABASE_PASSWORD" "key" "databasePassword") }}
{{ include "phonoscope.secret" (dict "root" .root "name" "BROKER_PASSWORD" "key" "brokerPassword") }}
{{ include "phonoscope.secret" (dict "root" .root "name" "PHONOSCOPE_S3_ACCESS_KEY" "key" "s3AccessKey") }}
{{ include "phonoscope.secret" (dict "root" .root "name" "PHONOSCOPE_S3_SECRET_KEY" "key" "s3SecretKey") }}
{{ include "phonoscope.secret" (dict "root" .root "name" "PHONOSCOPE_SIGNING_SECRET" "key" "signingSecret") }}
{{- if $values.secrets.keys.oidcClientSecret }}
{{ include "phonoscope.secret" (dict "root" .root "name" "PHONOSCOPE_OIDC_CLIENT_SECRET" "key" "oidcClientSecret") }}
{{- end }}
- name: PHONOSCOPE_DATABASE_URL
  {{- with $values.database }}
  {{- $authorities := ternary "&sslrootcert=/ca/database/ca.crt" "" (ne .caSecret "") }}
  value: {{ printf "postgresql+psycopg2://%s:$(DATABASE_PASSWORD)@%s:%v/%s?sslmode=%s%s" .user .host .port .name .sslmode $authorities | quote }}
  {{- end }}
- name: PHONOSCOPE_BROKER_URL
  {{- with $values.broker }}
  {{- $scheme := ternary "rediss" "redis" .tls }}
  {{- /* Without a parameter of TLS the client would speak in the clear, whatever the scheme says. */ -}}
  {{- $authorities := ternary "&ssl_ca_certs=/ca/broker/ca.crt" "" (ne .caSecret "") }}
  {{- $checked := ternary (printf "?ssl_cert_reqs=required%s" $authorities) "" .tls }}
  value: {{ printf "%s://%s:$(BROKER_PASSWORD)@%s:%v/%v%s" $scheme .user .host .port .database $checked | quote }}
  {{- end }}
- name: PHONOSCOPE_S3_ENDPOINT_URL
  value: {{ $values.store.endpointUrl | quote }}
- name: PHONOSCOPE_S3_BUCKET
  value: {{ $values.store.bucket | quote }}
- name: PHONOSCOPE_S3_REGION
  value: {{ $values.store.region | quote }}
{{- range $name, $value := $settings }}
- name: PHONOSCOPE_{{ upper $name }}
  value: {{ include "phonoscope.text" $value | quote }}
{{- end }}
{{- end }}
