# JupyterLab with the course, for a user who is not root. Not tried by us: docs/launchers.md.
#   docker build -t ftte-lab . && docker run --rm -p 127.0.0.1:8888:8888 ftte-lab
FROM python:3.12-slim
RUN useradd --create-home --uid 1000 student
COPY . /tmp/kit
RUN pip install --no-cache-dir --index-url "$(sed -n 's/^CPU_INDEX := //p' /tmp/kit/Makefile)" "torch>=2.13,<2.14" \
 && pip install --no-cache-dir "/tmp/kit[lab]" \
 && rm -rf /tmp/kit
USER student
WORKDIR /home/student
RUN ftte-lab start course --no-open
EXPOSE 8888
# The address is that of the container; the line above opens it to this machine alone. The token is in the output.
CMD ["ftte-lab", "start", "course", "--no-browser", "--port", "8888", "--", "--ServerApp.ip=0.0.0.0"]
