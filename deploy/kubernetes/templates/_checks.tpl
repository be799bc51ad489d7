{{- /* Values that contradict each other, which the schema cannot compare. */ -}}
{{- define "phonoscope.check" -}}
{{- $values := .Values -}}
{{- $served := dict -}}
{{- range $name, $pool := $values.pools -}}
{{- if $pool.enabled -}}
{{- range ternary (list "short" "long") (list $pool.lane) (eq $pool.lane "both") }}{{ $_ := set $served (printf "%s %s" $pool.pool .) true }}{{ end -}}
{{- if gt (int $pool.autoscaling.minReplicas) (int $pool.autoscaling.maxReplicas) -}}
{{- fail (printf "pools.%s.autoscaling.minReplicas: %v is more than maxReplicas, which is %v" $name $pool.autoscaling.minReplicas $pool.autoscaling.maxReplicas) -}}
{{- end -}}
{{- if and $values.autoscaling.enabled (not (kindIs "invalid" $pool.replicas)) -}}
{{- fail (printf "pools.%s.replicas: autoscaling.enabled decides the number of workers; unset one of them" $name) -}}
{{- end -}}
{{- if hasKey $pool.resources.limits $values.gpu.resource -}}
{{- fail (printf "pools.%s.resources.limits: %s is set by gpu.count" $name $values.gpu.resource) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range list "gpu short" "gpu long" "cpu short" "cpu long" -}}
{{- if not (hasKey $served .) }}{{ fail (printf "pools: no enabled pool serves the queue of %s tasks, which would wait without end" .) }}{{ end -}}
{{- end -}}
{{- if $values.ingress.enabled -}}
{{- if and $values.networkPolicy.enabled (eq (toJson $values.networkPolicy.gateway) (toJson (list (dict "podSelector" (dict))))) -}}
{{- fail "networkPolicy.gateway: name the pods of the ingress controller, which ingress.enabled lets in" -}}
{{- end -}}
{{- $settings := fromJson (include "phonoscope.settings" (dict "root" . "values" $values.gateway)) -}}
{{- $wait := maxf 60 ($settings.search_wait_s | default 100) -}}
{{- if le (float64 $values.ingress.timeoutSeconds) (float64 $wait) -}}
{{- fail (printf "ingress.timeoutSeconds: %v must be more than settings.search_wait_s (%v) and than a long poll (60)" $values.ingress.timeoutSeconds ($settings.search_wait_s | default 100)) -}}
{{- end -}}
{{- end -}}
{{- if and $values.autoscaling.user (not $values.autoscaling.existingSecret) -}}
{{- fail "autoscaling.existingSecret: must name the secret with the password of autoscaling.user" -}}
{{- end -}}
{{- if eq (int $values.metrics.port) 8000 }}{{ fail "metrics.port: 8000 is the gateway's own port" }}{{ end -}}
{{- if and $values.metrics.port $values.networkPolicy.enabled (not $values.networkPolicy.metrics) -}}
{{- fail "networkPolicy.metrics: name who may read metrics.port" -}}
{{- end -}}
{{- end }}
