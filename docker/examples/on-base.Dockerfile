# Built on the base image by somebody who need not know of pyinit. The CMD is a shell form, and no shell stays in it.
FROM pyinit-example/base
RUN mkdir /app && echo "a RUN goes through SHELL too" > /app/built
COPY tests/app.py /app/
ENV STATUS=5
CMD python3 /app/app.py --status ${STATUS}
