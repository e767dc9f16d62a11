# One image for the service and the indexer: docker build -t seealso .
# For a machine without a GPU, let pip take torch's CPU build (README.md, "torch without a GPU"):
#   docker build --build-arg PIP_OPTIONS="--extra-index-url <the address of torch's CPU builds>" -t seealso .

FROM python:3.11-slim-bookworm AS build
ARG PIP_OPTIONS=""
WORKDIR /src
RUN python -m venv /opt/seealso
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY seealso seealso
COPY indexer indexer
COPY service service
RUN /opt/seealso/bin/python -m pip install --no-cache-dir --disable-pip-version-check ${PIP_OPTIONS} -c constraints.txt '.[store]'

FROM python:3.11-slim-bookworm
# torch and FAISS run on OpenMP.
RUN apt-get update && apt-get install --yes --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --create-home seealso && install -d -o seealso -g seealso /index /editorial
COPY --from=build /opt/seealso /opt/seealso
ENV PATH=/opt/seealso/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    SEEALSO_INDEX=/index SEEALSO_HOST=0.0.0.0 SEEALSO_LOG_FORMAT=json
USER seealso
VOLUME /index /editorial
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/readyz', timeout=2)"]
ENTRYPOINT ["seealso"]
CMD ["serve"]
