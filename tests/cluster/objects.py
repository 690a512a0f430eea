"""Objects that tests of a cluster start from, as YAML."""


def deployment(name: str, version: str = "v1", replicas: int = 1, kind: str = "Deployment") -> str:
    """The demo shop; with version `pod`, each pod answers with its own name."""
    value = f'value: "{version}"'
    if version == "pod":
        value = "valueFrom: {fieldRef: {fieldPath: metadata.name}}"
    count = "" if kind == "DaemonSet" else f"replicas: {replicas}"
    return f"""
apiVersion: apps/v1
kind: {kind}
metadata: {{name: {name}}}
spec:
  {count}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      terminationGracePeriodSeconds: 3
      containers:
        - name: shop
          image: shop:{version}
          ports: [{{name: http, containerPort: 8080}}]
          env: [{{name: VERSION, {value}}}]
          readinessProbe:
            httpGet: {{path: /readyz, port: http}}
            periodSeconds: 1
"""


def service(name: str) -> str:
    """Port 80 of the pods labelled `app: <name>`."""
    return f"""
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec:
  selector: {{app: {name}}}
  ports: [{{name: http, port: 80, targetPort: http}}]
"""


def pod(name: str, script: str) -> str:
    """A pod that runs a shell script once, and is told a word in its environment and a file."""
    return f"""
apiVersion: v1
kind: Pod
metadata: {{name: {name}}}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  volumes: [{{name: told, configMap: {{name: told}}}}]
  containers:
    - name: {name}
      image: busybox
      command: [sh, -c, "{script}"]
      env: [{{name: WORD, valueFrom: {{configMapKeyRef: {{name: told, key: word}}}}}}]
      volumeMounts: [{{name: told, mountPath: /etc/told/deep}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: told}}
data: {{word: mounted}}
"""


TRAEFIK = """
apiVersion: traefik.io/v1alpha1
kind: TraefikService
metadata: {name: shop}
spec:
  weighted:
    services:
      - {name: primary, port: 80, weight: 3}
      - {name: canary, port: 80, weight: 1}
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: shop}
spec:
  entryPoints: [web]
  routes:
    - kind: Rule
      match: Host(`weighted.test`)
      services: [{name: shop, kind: TraefikService}]
"""

GATEWAY = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web}
spec:
  gatewayClassName: traefik
  listeners: [{name: http, port: 80, protocol: HTTP}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop}
spec:
  parentRefs: [{name: web}]
  hostnames: [gateway.test]
  rules:
    - backendRefs:
        - {name: primary, port: 80, weight: 50}
        - {name: canary, port: 80, weight: 50}
"""

_INGRESS = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: %s
spec:
  ingressClassName: nginx
  rules:
    - host: nginx.test
      http:
        paths:
          - path: /
            pathType: Prefix
            backend: {service: {name: %s, port: {number: 80}}}
"""
_CANARY = """
  name: canary
  annotations:
    nginx.ingress.kubernetes.io/canary: "true"
    nginx.ingress.kubernetes.io/canary-weight: "25"
"""
NGINX = _INGRESS % ("{name: primary}", "primary") + "---" + _INGRESS % (_CANARY, "canary")
